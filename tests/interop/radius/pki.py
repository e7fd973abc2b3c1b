# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for TLS between the gateway and other servers: one authority, a server's and a client's certificate,
made anew for each run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SERVER_NAME: Final = "radius.example.test"
CLIENT_NAME: Final = "gateway.example.test"


@dataclass(frozen=True, slots=True)
class Identity:
    """PEM."""

    chain: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Pki:
    authority: bytes
    server: Identity
    client: Identity

    def lay(self, folder: Path) -> dict[str, str]:
        """Puts what the gateway needs there; the words of a RADIUS backend that name it."""
        files = {
            "authorities": ("ca.pem", self.authority),
            "certificate": ("client.pem", self.client.chain),
            "key": ("client.key", self.client.key),
        }
        for name, content in files.values():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        return {word: str(folder / name) for word, (name, _) in files.items()}

    def lay_ends(self, folder: Path, server: str, client: str) -> None:
        """Makes the folder with what both ends need: ca.pem, and certificate and key of each under these names."""
        folder.mkdir(parents=True)
        (folder / "ca.pem").write_bytes(self.authority)
        for name, identity in ((server, self.server), (client, self.client)):
            (folder / f"{name}.pem").write_bytes(identity.chain)
            (folder / f"{name}.key").write_bytes(identity.key)


def make(server_name: str = SERVER_NAME, client_name: str = CLIENT_NAME, *, days: int = 30) -> Pki:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"RADIUS laboratory {x509.random_serial_number():x}"[:40])]
    )
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(60))
        .not_valid_after(now + timedelta(60))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )

    def issue(common: str, purpose: ObjectIdentifier) -> Identity:
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        made = (
            x509.CertificateBuilder(name, subject, own.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(40))
            .not_valid_after(now + timedelta(days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(common)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_usage(certificates=False), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Identity(made.public_bytes(Encoding.PEM), pem)

    return Pki(
        root.public_bytes(Encoding.PEM),
        issue(server_name, ExtendedKeyUsageOID.SERVER_AUTH),
        issue(client_name, ExtendedKeyUsageOID.CLIENT_AUTH),
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
