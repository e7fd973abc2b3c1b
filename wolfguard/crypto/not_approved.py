# SPDX-License-Identifier: GPL-3.0-or-later
"""MD5 and HMAC-MD5: NOT APPROVED, not in our module, and no protection by today's measure (RFC 6151).

They exist for historic RADIUS alone (RFC 2865, 3579, 5176), which no FIPS profile lets in. Owns nothing but the two
functions; the digest is CPython's own code, since OpenSSL is kept out of confined processes.
"""

from __future__ import annotations

# Named with its underscore: `hashlib` would map OpenSSL where nobody has blocked it.
from _md5 import md5 as _md5  # type: ignore[import-not-found]

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def md5(data: bytes) -> bytes:
    """16 bytes (RFC 1321)."""
    value: bytes = _md5(data).digest()
    return value


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """16 bytes (RFC 2104)."""
    padded = (md5(key) if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return md5(padded.translate(_OUTER) + md5(padded.translate(_INNER) + data))
