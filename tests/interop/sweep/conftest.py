# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway a profile, with certificates that the profile takes, and the root with the libraries that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.interop import roots
from tests.interop.conftest import Field, short_patience
from tests.interop.sweep.offers import Leaf
from wolfguard.policy.load import profile_names

NAME = "vpn.example.test"
USUAL = (Leaf("EC", 256), Leaf("RSA", 2048))
STRONG = (Leaf("EC", 384), Leaf("RSA", 3072))


def leaves_of(profile: str) -> Sequence[Leaf]:
    return STRONG if profile.startswith("cnsa") else USUAL


def strong_certificates(document: dict[str, Any]) -> None:
    """P-384 and RSA-3072, signed with SHA-384, in place of the demo's."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    keys: list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 3072),
    ]
    now = datetime.now(UTC)
    for key, entry in zip(keys, document["sites"][0]["certificates"], strict=True):
        made = (
            x509.CertificateBuilder(
                subject, subject, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(90)
            )
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
            .sign(key, hashes.SHA384())
        )
        Path(entry["certificate"]).write_bytes(made.public_bytes(Encoding.PEM))
        Path(entry["key"]).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture(scope="module", params=profile_names())
def swept(request: pytest.FixtureRequest, make_gateway: Callable[..., Field]) -> Iterator[tuple[str, Field]]:
    """Each profile's gateway, which lives as long as its turn."""

    def edit(document: dict[str, Any]) -> None:
        short_patience(request.param, dpd=300)(document)
        if request.param.startswith("cnsa"):
            strong_certificates(document)

    made = make_gateway(edit)
    made.add_user("alice")
    yield request.param, made
    made.gateway.stop()


def enter(field: Field) -> list[str]:
    return field.topology.client.inside(roots.enter(roots.make(roots.STACKS)))
