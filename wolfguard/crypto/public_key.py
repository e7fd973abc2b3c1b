# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as text: PEM (RFC 7468) around a SubjectPublicKeyInfo. Form only; what a key may do is its user's."""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from typing import Final

from wolfguard.errors import LocalError

_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
# DER up to the point itself: id-ecPublicKey, secp384r1, and an uncompressed point of 97 bytes (RFC 5480).
_P384_HEAD: Final = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200")
_P384_LENGTH: Final = len(_P384_HEAD) + 97


def from_pem(pem: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of a public key in PEM. Raises LocalError."""
    found = _PEM.search(pem)
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True) if found else _no_key()
    except binascii.Error:
        return _no_key()


def to_pem(spki: bytes) -> str:
    """The other way."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(spki).decode("ascii"), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"


def is_p384(spki: bytes) -> bool:
    """Whether it has the form of a P-384 key; that the point is on the curve, only the module can say."""
    return len(spki) == _P384_LENGTH and spki.startswith(_P384_HEAD)


def _no_key() -> bytes:
    raise LocalError("it is no public key in PEM form (BEGIN PUBLIC KEY)")
