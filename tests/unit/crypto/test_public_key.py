# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as text."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wolfguard.crypto.public_key import from_pem, is_p384, to_pem
from wolfguard.errors import LocalError


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_the_text_is_the_one_of_other_programs(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert to_pem(der).encode() == pem
    assert from_pem(b"text before\n" + pem) == der
    assert is_p384(der) == isinstance(curve, ec.SECP384R1)


@pytest.mark.parametrize(
    "text", [b"", b"-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----"]
)
def test_what_is_none(text: bytes) -> None:
    with pytest.raises(LocalError, match="BEGIN PUBLIC KEY"):
        from_pem(text)
