# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of attributes to numbers and types, read by pyrad from `dictionary.radius`.

Owns the look-up and the encoding of the few types that we send. pyrad is used for the dictionary alone: its packets do
MD5 whatever the transport, know no RADIUS/1.1, and its encoding of octets changes a value that begins with "0x".
Imported before a process is confined, since the file is read then.
"""

from __future__ import annotations

import io
from functools import cache
from importlib import resources
from typing import Final

from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from wolfguard.errors import LocalError

VENDOR_SPECIFIC: Final = 26


@cache
def _dictionary() -> Dictionary:
    text = resources.files("wolfguard.auth.radius").joinpath("dictionary.radius").read_text(encoding="ascii")
    return Dictionary(io.StringIO(text))


def number(name: str) -> int:
    """The type of a standard attribute."""
    attribute = _dictionary().attributes[name]
    if attribute.vendor:
        raise LocalError(f"{name} is a vendor's attribute; it has no number of its own")
    return int(attribute.code)


@cache
def names() -> dict[tuple[int, int], str]:
    """(vendor or 0, type) → name, of all that the dictionary has."""
    found = {}
    for name, attribute in _dictionary().attributes.items():
        vendor = _dictionary().vendors.GetForward(attribute.vendor) if attribute.vendor else 0
        found[int(vendor), int(attribute.code)] = name
    return found


def pair(name: str, value: str | int | bytes) -> tuple[int, bytes]:
    """An attribute to send. An integer has 32 bits; text is cut at 253 bytes, at a character's border."""
    if isinstance(value, int):
        return number(name), value.to_bytes(4, "big")
    if isinstance(value, str):
        return number(name), value.encode()[:253].decode(errors="ignore").encode()
    return number(name), value


def preload() -> None:
    """Reads the file now."""
    names()
