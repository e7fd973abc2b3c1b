# SPDX-License-Identifier: GPL-3.0-or-later
"""SHA-2 (FIPS 180-4) and HMAC (FIPS 198-1) by the module, and comparison in constant time."""

from __future__ import annotations

from typing import Final, Literal

from wolfguard import _native
from wolfguard.crypto.errors import ModuleError

Hash = Literal["sha256", "sha384", "sha512"]
HMAC_KEY_MINIMUM: Final = 14  # bytes; FIPS modules refuse shorter ones (112 bits, SP 800-131Ar2)


def digest(name: Hash, data: bytes) -> bytes:
    """32, 48 or 64 bytes. Raises ModuleError."""
    try:
        return _native.digest(name, data)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None


def sha256(data: bytes) -> bytes:
    """32 bytes. Raises ModuleError."""
    return digest("sha256", data)


def hmac(name: Hash, key: bytes, data: bytes) -> bytes:
    """As long as the hash. A key shorter than HMAC_KEY_MINIMUM bytes raises ValueError with every module, so that a
    change of the module changes nothing here. Raises ModuleError."""
    if len(key) < HMAC_KEY_MINIMUM:
        raise ValueError(f"an HMAC key must have at least {HMAC_KEY_MINIMUM} bytes, this one has {len(key)}")
    try:
        return _native.hmac(name, key, data)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None


def equal(a: bytes, b: bytes) -> bool:
    """Takes the same time wherever two inputs of one length differ."""
    return _native.equal(a, b)
