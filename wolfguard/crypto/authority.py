# SPDX-License-Identifier: GPL-3.0-or-later
"""A small certificate authority for the demo, for tests and for trying things out; not for production.

Uses the `cryptography` package, which carries a library of its own that is no part of the module: a tool only, never
imported by a process of the gateway. Files, all PEM: `ca.pem`, `ca.key`, and for each kind of key a certificate and a
key: `server-ecdsa.pem` and `.key` (P-256), `server-rsa.pem` and `.key`. Keys have mode 0600.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from wolfguard.errors import StartError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    Key = TypeVar("Key", ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 90
CLOCK_SKEW: Final = timedelta(hours=1)  # clients whose clock is a little behind shall see a valid certificate


@dataclass(frozen=True, slots=True)
class Issued:
    """Paths of a server certificate (leaf alone, clients know the authority) and of its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """`certificate` is what clients trust."""

    certificate: Path
    ecdsa: Issued
    rsa: Issued


def make_authority(
    directory: Path,
    names: Sequence[str],
    *,
    rsa_bits: int = 2048,
    days: int = SERVER_DAYS,
    now: datetime | None = None,
) -> Authority:
    """Makes the authority in `directory` unless it is there, and issues both server certificates anew.

    `names` (DNS names and addresses, at least one; the first becomes the common name) go into the subjectAltName. A
    second call is a renewal: new keys and certificates by the same authority, each file replaced in one step.
    Raises StartError without the `cryptography` package, ValueError for no names or for RSA keys below 2048 bits.
    """
    if not names:
        raise ValueError("a server certificate needs at least one name")
    if rsa_bits < 2048:
        raise ValueError("RSA keys need at least 2048 bits")
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
    except ImportError:
        raise StartError("making certificates needs the package python3-cryptography: install it") from None
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    moment = now or datetime.now(UTC)
    authority = _authority(directory, moment)
    p256 = _consistent(ec.generate_private_key(ec.SECP256R1()))
    modulus = _consistent(rsa.generate_private_key(65537, rsa_bits))
    return Authority(
        certificate=directory / "ca.pem",
        ecdsa=_server(directory / "server-ecdsa", p256, names, authority, days, moment),
        rsa=_server(directory / "server-rsa", modulus, names, authority, days, moment),
    )


def _authority(directory: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate_file, key_file = directory / "ca.pem", directory / "ca.key"
    if certificate_file.exists() and key_file.exists():
        key = load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StartError(f"{key_file} is not an ECDSA key: take another directory")
        return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key
    key = _consistent(ec.generate_private_key(ec.SECP256R1()))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "wolfguard laboratory authority")])
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write_certificate(certificate_file, certificate)
    return certificate, key


def _consistent(key: Key) -> Key:
    """A fresh key signs, and its public half verifies (pair-wise consistency, FIPS 186-5 section 3). Returns its
    argument; raises StartError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    message, algorithm = b"pair-wise consistency", hashes.SHA256()
    try:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            key.public_key().verify(key.sign(message, ec.ECDSA(algorithm)), message, ec.ECDSA(algorithm))
        else:
            pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
            key.public_key().verify(key.sign(message, pss, algorithm), message, pss, algorithm)
    except InvalidSignature:
        raise StartError("a fresh private key and its public half do not fit together: try again") from None
    return key


def _server(
    stem: Path,
    key: PrivateKey,
    names: Sequence[str],
    authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
    days: int,
    now: datetime,
) -> Issued:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer, issuer_key = authority
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    issued = Issued(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    _write_key(issued.key, key)
    _write_certificate(issued.certificate, certificate)
    return issued


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(file: Path, key: PrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    _write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def _write_certificate(file: Path, certificate: x509.Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    _write(file, certificate.public_bytes(Encoding.PEM), 0o644)


def _write(file: Path, data: bytes, mode: int) -> None:
    """In one step: whoever reads the file sees the old or the new one, never half of it."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
