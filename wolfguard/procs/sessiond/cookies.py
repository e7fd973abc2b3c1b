# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer secrets of sessions: 256 bits from the module's generator, kept only as SHA-256.

A lookup by the hash replaces a comparison: what a stranger learns from its timing is about the hash of their own guess.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from typing import Final

from wolfguard.secret import Secret

BYTES: Final = 32
LENGTH: Final = 43

_ALPHABET: Final = frozenset((string.ascii_letters + string.digits + "-_").encode())


class Cookies:
    """`random(count)` and `digest(data)` (SHA-256) are the module's."""

    def __init__(self, random: Callable[[int], bytes], digest: Callable[[bytes], bytes]) -> None:
        self._random = random
        self._digest = digest

    def mint(self) -> tuple[Secret, bytes]:
        """A fresh cookie as base64url text, and the hash under which it is known."""
        text = base64.urlsafe_b64encode(self._random(BYTES)).rstrip(b"=")
        return Secret(text), self._digest(text)

    def hash(self, cookie: Secret) -> bytes | None:
        """The hash of what a client presents, None when no cookie looks like that."""
        text = cookie.reveal()
        if len(text) != LENGTH or not _ALPHABET.issuperset(text):
            return None
        return self._digest(text)
