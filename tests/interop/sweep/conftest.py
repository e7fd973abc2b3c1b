# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway a profile, with certificates that the profile takes, and the root with the libraries that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
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
from wolfguard.linux.namespace import Topology
from wolfguard.policy.load import profile_names

NAME = "vpn.example.test"
USUAL = (Leaf("EC", 256), Leaf("RSA", 2048))
STRONG = (Leaf("EC", 384), Leaf("RSA", 3072))


def leaves_of(profile: str) -> Sequence[Leaf]:
    return STRONG if profile.startswith("cnsa") else USUAL


def certify(entry: dict[str, str], leaf: Leaf) -> bytes:
    """A key of this kind and size, and a certificate for it that every profile with such keys takes, in the place of
    those that the entry of a site names. Returns it in PEM: it is its own authority."""
    curves: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        ec.generate_private_key(curves[leaf.bits]) if leaf.kind == "EC" else rsa.generate_private_key(65537, leaf.bits)
    )
    addresses = [x509.IPAddress(ip_address(each)) for each in (Topology.GATEWAY_V4, Topology.GATEWAY_V6)]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), *addresses]), critical=False)
        .sign(key, hashes.SHA384())
    )
    pem = made.public_bytes(Encoding.PEM)
    Path(entry["certificate"]).write_bytes(pem)
    Path(entry["key"]).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pem


@pytest.fixture(scope="module", params=profile_names())
def swept(request: pytest.FixtureRequest, make_gateway: Callable[..., Field]) -> Iterator[tuple[str, Field]]:
    """Each profile's gateway, which lives as long as its turn."""

    def edit(document: dict[str, Any]) -> None:
        short_patience(request.param, dpd=300)(document)
        if request.param.startswith("cnsa"):
            entries = document["sites"][0]["certificates"]
            own = [certify(entry, leaf) for entry, leaf in zip(entries, STRONG, strict=True)]
            Path(entries[0]["certificate"]).with_name("ca.pem").write_bytes(b"".join(own))

    made = make_gateway(edit)
    made.add_user("alice")
    yield request.param, made
    made.gateway.stop()


def enter(field: Field) -> list[str]:
    return field.topology.client.inside(roots.enter(roots.make(roots.STACKS)))
