# SPDX-License-Identifier: GPL-3.0-or-later
"""Extensions of certificates that another library has made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ObjectIdentifier

from wolfguard.crypto.errors import CertificateError
from wolfguard.crypto.extensions import read_extensions

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
OCSP = x509.UniformResourceIdentifier("http://ocsp.example.org")
LIST = x509.UniformResourceIdentifier("http://crl.example.org/a.crl")


def made(*extensions: x509.ExtensionType) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, now, now + timedelta(days=1))
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_nothing_is_said() -> None:
    found = read_extensions(made())
    assert (found.authority, found.purposes, found.status_places) == (False, (), ())


def test_what_is_said() -> None:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, LIST),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, OCSP),
        ]
    )
    points = x509.CRLDistributionPoints([x509.DistributionPoint([LIST], None, None, None)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ObjectIdentifier("1.2.3.4")])
    found = read_extensions(made(access, points, usage, x509.BasicConstraints(ca=True, path_length=0)))
    assert found.authority
    assert found.purposes == ("serverAuth", "1.2.3.4")
    assert found.status_places == ("http://ocsp.example.org", "http://crl.example.org/a.crl")
    assert not read_extensions(made(x509.BasicConstraints(ca=False, path_length=None))).authority


@pytest.mark.parametrize("encoded", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x01", b"no certificate"])
def test_what_is_no_certificate(encoded: bytes) -> None:
    with pytest.raises(CertificateError):
        read_extensions(encoded)
