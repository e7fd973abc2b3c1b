# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of certificates agree with another reader; files that hold something else are refused with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wolfguard.crypto.authority import Authority, make_authority
from wolfguard.crypto.certificates import covers, read_chain, read_leaf
from wolfguard.crypto.errors import CertificateError
from wolfguard.crypto.signing import certificate_public_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = ("vpn.example.test", "*.sites.example.test", "192.0.2.1", "2001:db8::1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki"), NAMES, days=30, now=NOW)


def test_facts_of_an_ecdsa_leaf(authority: Authority) -> None:
    pem = authority.ecdsa.certificate.read_bytes()
    other = x509.load_pem_x509_certificate(pem)
    facts = read_leaf(pem)
    assert facts.subject == "CN=vpn.example.test"
    assert facts.issuer == "CN=wolfguard laboratory authority"
    assert facts.serial == other.serial_number
    assert facts.names == NAMES
    assert (facts.key_type, facts.key_bits, facts.curve) == ("EC", 256, "secp256r1")
    assert facts.signature == "ecdsa-with-SHA256"
    assert (facts.not_before, facts.not_after) == (NOW - timedelta(hours=1), NOW + timedelta(days=30))
    assert facts.fingerprint == other.fingerprint(hashes.SHA256())
    assert facts.spki == other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_facts_of_an_rsa_leaf(authority: Authority) -> None:
    facts = read_leaf(authority.rsa.certificate.read_bytes())
    assert (facts.key_type, facts.key_bits, facts.curve) == ("RSA", 2048, "")


def test_the_module_reads_the_same_public_key(authority: Authority) -> None:
    for issued in (authority.ecdsa, authority.rsa):
        pem = issued.certificate.read_bytes()
        assert certificate_public_key(pem) == read_leaf(pem).spki


def test_a_chain_is_read_from_the_leaf_up(authority: Authority) -> None:
    pem = authority.rsa.certificate.read_bytes() + authority.certificate.read_bytes()
    chain = read_chain(b"Bag Attributes\r\n" + pem.replace(b"\n", b"\r\n"))
    assert [facts.subject for facts in chain] == ["CN=vpn.example.test", "CN=wolfguard laboratory authority"]


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("vpn.example.test", True),
        ("VPN.Example.Test.", True),
        ("a.sites.example.test", True),
        ("a.b.sites.example.test", False),
        ("sites.example.test", False),
        ("192.0.2.1", True),
        ("2001:DB8:0::1", True),
        ("192.0.2.2", False),
        ("", False),
    ],
)
def test_which_names_a_certificate_covers(authority: Authority, name: str, covered: bool) -> None:
    assert covers(read_leaf(authority.ecdsa.certificate.read_bytes()), name) is covered


def refusal(pem: bytes) -> str:
    with pytest.raises(CertificateError) as caught:
        read_chain(pem)
    return str(caught.value)


def test_what_is_no_chain_is_refused(authority: Authority) -> None:
    leaf, issuer = authority.ecdsa.certificate.read_bytes(), authority.certificate.read_bytes()
    assert "no certificate" in refusal(b"")
    assert "no certificate" in refusal(b"hello")
    assert "private key" in refusal(leaf + authority.ecdsa.key.read_bytes())
    assert "first, then each issuer" in refusal(issuer + leaf)
    assert "without its end" in refusal(leaf + issuer[:-30])
    assert "public key" in refusal(leaf.replace(b"CERTIFICATE", b"PUBLIC KEY"))
    assert "not base64" in refusal(leaf.replace(b"MII", b"M!I"))
    assert "at most 10" in refusal(leaf * 11)
    assert "larger" in refusal(b"\n" * 300_000)


def test_control_characters_of_a_name_never_reach_a_log() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\nforged line")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, hashes.SHA384())
        .public_bytes(Encoding.PEM)
    )
    facts = read_leaf(certificate)
    assert facts.subject == "CN=a?forged line"
    assert (facts.key_bits, facts.signature, facts.names) == (384, "ecdsa-with-SHA384", ())


@pytest.mark.parametrize("name", ["SHA1", "SHA256", "SHA384", "SHA512"])
def test_the_hash_of_a_pss_signature(name: str) -> None:
    """It stands in parameters, where SHA-1 is what is left out."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pss")])
    algorithm: Any = getattr(hashes, name)()
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    try:
        made = builder.sign(key, algorithm, rsa_padding=pss)
    except (UnsupportedAlgorithm, ValueError):
        assert name == "SHA1"  # refused by the library of this test
        return
    facts = read_leaf(made.public_bytes(Encoding.PEM))
    assert facts.signature == f"rsassa-pss-{name.lower()}"
    assert facts.self_issued


def test_every_truncation_of_the_der_is_refused(authority: Authority) -> None:
    der = x509.load_pem_x509_certificate(authority.ecdsa.certificate.read_bytes()).public_bytes(Encoding.DER)
    for length in range(len(der)):
        assert "cannot be read" in refusal(_pem(der[:length]))
    assert "cannot be read" in refusal(_pem(der + b"\0"))


def _pem(der: bytes) -> bytes:
    from base64 import b64encode

    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(der) + b"\n-----END CERTIFICATE-----\n"


def test_the_module_refuses_what_is_no_certificate(tmp_path: Path) -> None:
    from wolfguard.errors import LocalError

    for text in (b"", b"hello", _pem(b"hello"), b"-----BEGIN CERTIFICATE-----\n"):
        with pytest.raises(LocalError, match="no certificate"):
            certificate_public_key(text)
