# SPDX-License-Identifier: GPL-3.0-or-later
"""Random bytes from the module's DRBG (SP 800-90A): cookies, salts, identifiers. Nothing else makes secrets here."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final

from wolfguard import _native
from wolfguard.crypto.errors import ModuleError

TOKEN_BYTES: Final = 32


def random_bytes(count: int) -> bytes:
    """`count` bytes, at most 65536. Raises ModuleError."""
    try:
        return _native.random_bytes(count)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None


def random_token(count: int = TOKEN_BYTES) -> bytes:
    """An opaque bearer secret of `count` random bytes (8 * count bits) as base64url text without padding."""
    return urlsafe_b64encode(random_bytes(count)).rstrip(b"=")


def random_below(limit: int) -> int:
    """A number from 0 to limit - 1, each with the same probability. Raises ValueError for a limit below 1."""
    if limit < 1:
        raise ValueError("the limit must be at least 1")
    bits = (limit - 1).bit_length()
    size = (bits + 7) // 8
    while True:
        value = int.from_bytes(random_bytes(size), "big") >> (size * 8 - bits)
        if value < limit:
            return value
