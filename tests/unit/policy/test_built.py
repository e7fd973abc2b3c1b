# SPDX-License-Identifier: GPL-3.0-or-later
"""What is named but not built is refused with the way to mend it, or left out where the profile says so."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from wolfguard.errors import ConfigurationError
from wolfguard.policy.built import ASKED, built, resolve
from wolfguard.policy.load import load_profile, profile_names, read_profile


def everything_but(*names: str) -> dict[str, Collection[str]]:
    """As if a library had all that the profiles name, without these."""
    having: dict[str, set[str]] = {key: set() for key in ASKED}
    for name in profile_names():
        for key in ASKED:
            having[key].update(getattr(read_profile(name).profile, key))
    return {key: values - set(names) for key, values in having.items()}


def test_a_library_with_everything_changes_nothing() -> None:
    for name in profile_names():
        file = read_profile(name)
        assert resolve(file, everything_but()) == file.profile


@pytest.mark.parametrize(
    ("name", "missing", "key"),
    [
        ("fips-hybrid", "SecP256r1MLKEM768", "groups"),
        ("compat", "X25519MLKEM768", "groups"),
        ("fips-strict", "TLS_AES_128_GCM_SHA256", "suites_tls13"),
        ("fips-strict", "TLS_PSK_WITH_AES_128_GCM_SHA256", "suites_dtls12"),
        ("fips-strict", "rsa_pss_rsae_sha512", "signatures"),
        ("cnsa-2.0-transition", "SecP384r1MLKEM1024", "groups"),
    ],
)
def test_what_is_named_and_not_built_is_refused(name: str, missing: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve(read_profile(name), everything_but(missing))
    text = str(caught.value)
    assert f"the crypto profile {name} names {missing} ({key})" in text
    assert "choose a profile that does without, or build the library with it" in text


def test_what_is_optional_is_left_out() -> None:
    profile = resolve(read_profile("cnsa-2.0-transition"), everything_but("MLKEM1024", "mldsa87"))
    assert profile.groups == profile.key_shares == ("SecP384r1MLKEM1024",)
    assert profile.signatures == ("ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384")
    assert profile.not_validated == ("SecP384r1MLKEM1024",)


def test_the_last_of_a_list_is_not_optional() -> None:
    missing = ("mldsa87", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384")
    with pytest.raises(ConfigurationError, match="ecdsa_secp384r1_sha384, rsa_pss_rsae_sha384"):
        resolve(read_profile("cnsa-2.0-transition"), everything_but(*missing))


@pytest.mark.needs_mlkem
def test_this_library_serves_every_profile() -> None:
    having = built()
    assert set(having) == set(ASKED)
    assert "x25519" not in {name.lower() for name in having["groups"]}
    for name in profile_names():
        profile = load_profile(name)
        assert all(value in having[key] for key in ASKED for value in getattr(profile, key))


def test_this_library_serves_what_needs_no_more_than_modules_have() -> None:
    assert load_profile("fips-strict") == read_profile("fips-strict").profile
