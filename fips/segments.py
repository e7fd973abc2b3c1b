# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a shared library lies in memory exactly as in its file: the segments that nobody may write.

Those hold the headers, code and constants (.text, .rodata). The loader writes addresses into the writable ones alone
(.got, .data.rel.ro, made read-only afterwards), as long as the library has no text relocations, which this refuses.
So a process can hash them where they are mapped and compare: `wolfguard.crypto.integrity` does. ELF: System V ABI,
chapters 4 and 5.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

PT_LOAD, PT_DYNAMIC = 1, 2
PF_X, PF_W = 1, 2
DT_TEXTREL, DT_FLAGS = 22, 30
DF_TEXTREL = 4
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")

Segment = dict[str, str | int]


def measure(library: Path) -> list[Segment]:
    """Address, size, kind ("r" or "rx") and SHA-256 of each, in the order of the file. Raises ValueError."""
    data = library.read_bytes()
    found: list[Segment] = []
    for kind, flags, offset, address, file_size, memory_size in _programs(data):
        if kind == PT_DYNAMIC and _has_text_relocations(data[offset : offset + file_size]):
            raise ValueError(f"{library.name} has text relocations: its code differs in each process")
        if kind != PT_LOAD or flags & PF_W:
            continue
        if file_size != memory_size or offset + file_size > len(data):
            raise ValueError(f"{library.name} has a read-only segment that its file does not fill")
        digest = hashlib.sha256(data[offset : offset + file_size]).hexdigest()
        found.append({"address": address, "size": file_size, "kind": "rx" if flags & PF_X else "r", "sha256": digest})
    if not any(segment["kind"] == "rx" for segment in found):
        raise ValueError(f"{library.name} has no code")
    return found


def _programs(data: bytes) -> Iterator[tuple[int, int, int, int, int, int]]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no 64-bit little-endian ELF file")
    fields = _HEADER.unpack_from(data)
    start, size, count = fields[5], fields[9], fields[10]
    for number in range(count):
        kind, flags, offset, address, _, file_size, memory_size, _ = _PROGRAM.unpack_from(data, start + number * size)
        yield kind, flags, offset, address, file_size, memory_size


def _has_text_relocations(table: bytes) -> bool:
    entries = dict(_DYNAMIC.iter_unpack(table))
    return DT_TEXTREL in entries or bool(entries.get(DT_FLAGS, 0) & DF_TEXTREL)
