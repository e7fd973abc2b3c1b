# SPDX-License-Identifier: GPL-3.0-or-later
"""From the file to the whole configuration: chains read, keys looked at from outside, warnings in words."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.config.site_files import MINIMAL, NOW, certificate, profile, write_site
from wolfguard.config import load
from wolfguard.errors import ConfigurationError
from wolfguard.policy.profile import CryptoProfile


def resolve(file: Path) -> load.Resolved:
    return load.resolve(file, load_profile=profile, now=NOW)


def problem(file: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolve(file)
    return str(caught.value)


def test_a_good_file(tmp_path: Path) -> None:
    resolved = resolve(write_site(tmp_path))
    (entry,) = resolved.configuration.sites[0].certificates
    assert entry.chain == (tmp_path / "vpn.pem").read_text()
    assert "PRIVATE" not in repr(resolved)
    assert resolved.warnings == ()


def test_no_file(tmp_path: Path) -> None:
    assert (
        problem(tmp_path / "no.yml")
        == f"{tmp_path}/no.yml: cannot be read: no such file; create it or correct the path"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert str(tmp_path) in problem(tmp_path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "large.yml"
    file.write_bytes(b"#" * (1 << 21))
    assert "is larger than" in problem(file)


def test_files_that_are_missing(tmp_path: Path) -> None:
    file = write_site(tmp_path)
    (tmp_path / "vpn.pem").unlink()
    (tmp_path / "vpn.key").unlink()
    assert problem(file).splitlines() == [
        f"{file}:6: sites[0].certificates[0].certificate: {tmp_path}/vpn.pem: cannot be read: "
        "no such file; create it or correct the path",
        f"{file}:7: sites[0].certificates[0].key: {tmp_path}/vpn.key cannot be read: "
        "no such file; create it or correct the path",
    ]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620])
def test_a_key_that_others_may_read(tmp_path: Path, mode: int) -> None:
    file = write_site(tmp_path)
    (tmp_path / "vpn.key").chmod(mode)
    assert "is open to other users; chmod 0600 it" in problem(file)


def test_a_key_in_the_certificate_file(tmp_path: Path) -> None:
    file = write_site(tmp_path)
    (tmp_path / "vpn.pem").write_bytes((tmp_path / "vpn.pem").read_bytes() + (tmp_path / "vpn.key").read_bytes())
    assert "vpn.pem: it holds a private key" in problem(file)


def test_an_unknown_profile(tmp_path: Path) -> None:
    file = write_site(tmp_path, more="    crypto_profile: fips-none\n")
    assert problem(file) == f"{file}:8: sites[0].crypto_profile: is 'fips-none': there is no such profile"


def test_problems_of_all_stages_past_the_shape_come_at_once(tmp_path: Path) -> None:
    file = write_site(tmp_path, more='    network: {ipv4_pool: ""}\n')
    (tmp_path / "vpn.key").unlink()
    assert len(problem(file).splitlines()) == 2


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(-90, -1, "expired on 2026-06-30"), (-1, 3, "expires on 2026-07-04"), (1, 90, "is valid only from 2026-07-02")],
)
def test_dates(tmp_path: Path, start: int, end: int, words: str) -> None:
    file = write_site(tmp_path)
    pem, _ = certificate(("vpn.example.org",), NOW + timedelta(days=start), NOW + timedelta(days=end))
    (tmp_path / "vpn.pem").write_bytes(pem)
    (warning,) = resolve(file).warnings
    assert words in warning
    assert warning.startswith(f"{file}:6: sites[0].certificates[0].certificate: ")


def test_an_rsa_key_that_is_too_small_for_the_profile(tmp_path: Path) -> None:
    file = write_site(tmp_path)
    pem, _ = certificate(("vpn.example.org",), key=rsa.generate_private_key(65537, 2048))
    (tmp_path / "vpn.pem").write_bytes(pem)

    def strict(name: str) -> CryptoProfile:
        return dataclasses.replace(profile(name), minimum_rsa_bits=3072)

    with pytest.raises(
        ConfigurationError, match="RSA key of 2048 bits; fips-hybrid allows 3072 or more: make a longer key"
    ):
        load.resolve(file, load_profile=strict, now=NOW)


def test_a_name_that_the_certificate_does_not_have(tmp_path: Path) -> None:
    file = write_site(tmp_path, more="    server_names: [vpn.example.org, other.example.org]\n")
    (warning,) = resolve(file).warnings
    assert "is not for other.example.org" in warning


def test_objects_need_no_certificates(tmp_path: Path) -> None:
    file = tmp_path / "site.yml"
    file.write_text(MINIMAL)
    assert load.objects(load.read(file), profile).sites[0].certificates[0].chain == ""
