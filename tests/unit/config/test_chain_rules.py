# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of a profile about certificates, with the sentence that says how to mend it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.config.site_files import NOW
from wolfguard.config import chain_rules
from wolfguard.config.site import Site
from wolfguard.crypto.certificates import CertificateFacts
from wolfguard.policy.load import profile_names, read_profile

LEAF = CertificateFacts(
    subject="CN=vpn.example.org",
    issuer="CN=issuer",
    serial=1,
    names=("vpn.example.org",),
    key_type="EC",
    key_bits=384,
    curve="secp384r1",
    signature="ecdsa-with-SHA384",
    not_before=NOW,
    not_after=NOW + timedelta(days=90),
    fingerprint=bytes(32),
    spki=b"",
)
ISSUER = replace(LEAF, subject="CN=issuer", issuer="CN=root")
ROOT = replace(ISSUER, subject="CN=root", signature="sha1WithRSAEncryption", self_issued=True)
RSA: dict[str, Any] = {"key_type": "RSA", "curve": ""}


def problems(profile: str, *chain: CertificateFacts) -> list[str]:
    return list(chain_rules.problems(Site("main", crypto=read_profile(profile).profile), chain))


def of_server(profile: str, *chain: CertificateFacts, trusted: tuple[bytes, ...] = ()) -> list[tuple[str, str]]:
    return list(chain_rules.of_server(read_profile(profile).profile, chain, trusted))


@pytest.mark.parametrize("name", profile_names())
def test_a_server_that_we_ask(name: str) -> None:
    """SHA-1 anywhere in its chain breaks a rule, but for a certificate that is trusted itself."""
    root = replace(ROOT, fingerprint=b"r" * 32)
    assert of_server(name, LEAF, ISSUER, root, trusted=(root.fingerprint,)) == []
    for chain, number in (((LEAF, ISSUER, root), 3), ((LEAF, replace(ISSUER, signature="sha1WithRSAEncryption")), 2)):
        ((label, text),) = of_server(name, *chain)
        assert label == "tls_weak_signature"
        assert text.startswith(f"certificate {number} is signed with sha1WithRSAEncryption; {name} allows ")
        assert "CN=" not in text


def test_weak_keys_of_a_server_and_of_those_whom_we_trust() -> None:
    weak = replace(ISSUER, **RSA, key_bits=1024)
    ((label, text),) = of_server("fips-hybrid", LEAF, weak)
    assert (label, text[:13]) == ("tls_weak_key", "certificate 2")
    assert "RSA key of 1024 bits; fips-hybrid allows 2048 or more" in text
    (text,) = chain_rules.of_authorities(read_profile("fips-hybrid").profile, (ROOT, weak))
    assert text.startswith("certificate 2 (CN=issuer) has an RSA key of 1024 bits")


def test_no_chain_and_one_without_end() -> None:
    for chain in ((), (LEAF,) * 11):
        assert [label for label, _ in of_server("fips-hybrid", *chain)] == ["tls_chain"]


@pytest.mark.parametrize("name", profile_names())
def test_what_every_profile_allows(name: str) -> None:
    """A root is believed for being there, whoever signed it with what."""
    assert problems(name, LEAF, ISSUER, ROOT) == []


@pytest.mark.parametrize(
    ("profile", "changes", "words"),
    [
        ("compat", {**RSA, "key_bits": 1024}, "has an RSA key of 1024 bits; compat allows 2048 or more: make a longer"),
        ("cnsa-2.0-transition", {**RSA, "key_bits": 2048}, "an RSA key of 2048 bits; cnsa-2.0-transition allows 3072"),
        ("cnsa-2.0-transition", {"curve": "secp256r1"}, "has a key of the kind secp256r1; cnsa-2.0-transition allows"),
        ("cnsa-2.0-transition", {"signature": "ecdsa-with-SHA256"}, "is signed with ecdsa-with-SHA256; cnsa-2.0"),
        ("compat", {"curve": "1.3.132.0.10", "key_bits": 0}, "of a kind that no profile knows (1.3.132.0.10); use one"),
        ("compat", {"key_type": "1.3.101.112", "key_bits": 0}, "of a kind that no profile knows (1.3.101.112)"),
        ("compat", {"signature": "sha1WithRSAEncryption"}, "is signed with sha1WithRSAEncryption; compat allows"),
        ("compat", {"signature": "rsassa-pss-sha1"}, "is signed with rsassa-pss-sha1; compat allows"),
        ("compat", {"not_after": NOW + timedelta(days=1097)}, "is valid for 1097 days; compat allows 1096, have it"),
    ],
)
def test_a_leaf_that_is_refused(profile: str, changes: dict[str, Any], words: str) -> None:
    (text,) = problems(profile, replace(LEAF, **changes))
    assert words in text


def test_issuers_are_held_to_the_same_rules() -> None:
    (text,) = problems("fips-hybrid", LEAF, replace(ISSUER, signature="sha1WithRSAEncryption"))
    assert text.startswith("certificate 2 (CN=issuer) is signed with sha1WithRSAEncryption; fips-hybrid allows")
    (text,) = problems("fips-hybrid", LEAF, replace(ROOT, **RSA, key_bits=1024))
    assert text.startswith("certificate 2 (CN=root) has an RSA key of 1024 bits")


def test_its_own_signature_counts_for_a_leaf() -> None:
    (text,) = problems("fips-hybrid", replace(LEAF, signature="sha1WithRSAEncryption", self_issued=True))
    assert "have it issued again with one of them" in text


def test_a_chain_that_is_too_long() -> None:
    profile = replace(read_profile("fips-strict").profile, maximum_chain=2)
    (text,) = chain_rules.problems(Site("main", crypto=profile), (LEAF, ISSUER, ROOT))
    assert text == "holds 3 certificates; fips-strict allows 2, leave out the root"
