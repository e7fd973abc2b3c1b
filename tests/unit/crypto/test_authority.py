# SPDX-License-Identifier: GPL-3.0-or-later
"""What the laboratory authority writes: certificates that verify, keys that only their owner reads, renewals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from wolfguard.crypto.authority import make_authority
from wolfguard.crypto.certificates import read_chain, read_leaf


def test_files_modes_and_chain(tmp_path: Path) -> None:
    made = make_authority(tmp_path / "pki", ["vpn.example.test"])
    root = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    for issued in (made.ecdsa, made.rsa):
        leaf = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
        leaf.verify_directly_issued_by(root)
        assert issued.key.stat().st_mode & 0o777 == 0o600
        assert issued.certificate.stat().st_mode & 0o777 == 0o644
        read_chain(issued.certificate.read_bytes() + made.certificate.read_bytes())
    assert (tmp_path / "pki" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in (tmp_path / "pki").iterdir()) == [
        "ca.key",
        "ca.pem",
        "server-ecdsa.key",
        "server-ecdsa.pem",
        "server-rsa.key",
        "server-rsa.pem",
    ]


def test_a_second_call_renews_under_the_same_authority(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    first = make_authority(tmp_path, ["a.test"], now=moment)
    root, leaf = first.certificate.read_bytes(), read_leaf(first.ecdsa.certificate.read_bytes())
    second = make_authority(tmp_path, ["a.test", "b.test"], rsa_bits=3072, now=moment)
    renewed = read_leaf(second.ecdsa.certificate.read_bytes())
    assert second.certificate.read_bytes() == root
    assert renewed.spki != leaf.spki
    assert renewed.names == ("a.test", "b.test")
    assert read_leaf(second.rsa.certificate.read_bytes()).key_bits == 3072


def test_arguments_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        make_authority(tmp_path, [])
    with pytest.raises(ValueError, match="2048"):
        make_authority(tmp_path, ["a.test"], rsa_bits=1024)
    assert list(tmp_path.iterdir()) == []
