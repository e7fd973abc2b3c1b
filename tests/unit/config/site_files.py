# SPDX-License-Identifier: GPL-3.0-or-later
"""Site files for tests: the smallest good one, with a real certificate, and a loader of profiles that reads no file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.unit.policy import profiles
from wolfguard.config import build, schema
from wolfguard.config.document import parse
from wolfguard.config.site import Configuration
from wolfguard.errors import ConfigurationError
from wolfguard.policy.profile import CryptoProfile

NOW = datetime(2026, 7, 1, tzinfo=UTC)

MINIMAL = """\
listeners:
  - port: 443
sites:
  - name: main
    certificates:
      - certificate: /tls/vpn.pem
        key: /tls/vpn.key
"""


def profile(name: str) -> CryptoProfile:
    """Any of three profiles; `compat` is the one that is not approved."""
    if name not in ("fips-hybrid", "fips-strict", "compat"):
        raise ConfigurationError("there is no such profile")
    return profiles.profile(name=name, title=name, approved=name != "compat")


def configuration(text: str) -> Configuration:
    """From the text of a site file, without reading certificates."""
    document = parse(text.encode(), "site.yml")
    return build.configuration(schema.validate(document), profile)


def with_network(*lines: str) -> str:
    """The smallest file with a network of these lines."""
    return MINIMAL + "    network:\n" + "".join(f"      {line}\n" for line in lines)


def certificate(
    names: Sequence[str],
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=90),
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), private


def write_site(folder: Path, names: Sequence[str] = ("vpn.example.org",), more: str = "") -> Path:
    """A whole site in a folder: file, certificate and key."""
    chain, key = certificate(names)
    (folder / "vpn.pem").write_bytes(chain)
    (folder / "vpn.key").write_bytes(key)
    (folder / "vpn.key").chmod(0o600)
    file = folder / "wolfguard.yml"
    file.write_text(MINIMAL.replace("/tls", str(folder)) + more)
    return file
