# SPDX-License-Identifier: GPL-3.0-or-later
"""Random bytes from the module's DRBG (SP 800-90A): cookies, salts, identifiers. Nothing else makes secrets here."""

from __future__ import annotations

from wolfguard import _native
from wolfguard.crypto.errors import ModuleError


def random_bytes(count: int) -> bytes:
    """`count` bytes, at most 65536. Raises ModuleError."""
    try:
        return _native.random_bytes(count)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None
