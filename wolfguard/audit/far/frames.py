# SPDX-License-Identifier: GPL-3.0-or-later
"""The form in which two ends talk: a head in JSON and a body of bytes, each with its length before it.

Owns bytes alone. Goes to the other machine as text, so it needs nothing but Python's own library.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, Final

HELLO: Final = b"\nwolfguard-audit/1\n"
"""What the other end says first; before it a login may print what it likes."""
HEAD_MAXIMUM: Final = 1024 * 1024
_SIZES: Final = struct.Struct(">II")

Head = dict[str, Any]


class BrokenError(Exception):
    """What came is no frame."""


def frame(head: Head, body: bytes = b"") -> bytes:
    """As bytes. Text that holds bytes of no encoding, as names of files can, survives (PEP 383)."""
    encoded = json.dumps(head, ensure_ascii=True).encode("ascii")
    return _SIZES.pack(len(encoded), len(body)) + encoded + body


class Frames:
    """Takes bytes as they come. `body_maximum` says of a head how many bytes may come behind it, before they do."""

    def __init__(self, body_maximum: Callable[[Head], int]) -> None:
        self._maximum = body_maximum
        self._held = bytearray()
        self._head: Head | None = None

    def feed(self, data: bytes) -> list[tuple[Head, bytes]]:
        """The frames that are whole now. Raises BrokenError."""
        self._held += data
        found: list[tuple[Head, bytes]] = []
        while len(self._held) >= _SIZES.size:
            size, rest = _SIZES.unpack_from(self._held)
            if size > HEAD_MAXIMUM:
                raise BrokenError(f"a head of {size} bytes")
            begin, end = _SIZES.size + size, _SIZES.size + size + rest
            if self._head is None and len(self._held) >= begin:
                self._head = _head(bytes(self._held[_SIZES.size : begin]))
                if rest > self._maximum(self._head):
                    raise BrokenError(f"{rest} bytes that nobody has asked for")
            if self._head is None or len(self._held) < end:
                break
            found.append((self._head, bytes(self._held[begin:end])))
            self._head = None
            del self._held[:end]
        return found


def _head(encoded: bytes) -> Head:
    try:
        value = json.loads(encoded)
    except (ValueError, RecursionError):
        raise BrokenError("a head that is no JSON") from None
    if not isinstance(value, dict):
        raise BrokenError("a head of another form")
    return value
