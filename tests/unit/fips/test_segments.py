# SPDX-License-Identifier: GPL-3.0-or-later
"""What the build measures of a library is what the loader maps of it; what cannot be compared is refused."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import pytest

from wolfguard import _native

TREE = Path(__file__).resolve().parents[3]


def _load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, TREE / "fips" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


segments = _load("segments")
LIBRARY = Path(_native.library_path()).resolve()


def test_what_is_measured_in_the_file_is_what_is_mapped() -> None:
    measured = [
        tuple(each[name] for name in ("address", "size", "kind", "sha256")) for each in segments.measure(LIBRARY)
    ]
    assert measured == _native.library_segments()
    assert {kind for _, _, kind, _ in measured} == {"r", "rx"}


def test_a_changed_byte_changes_one_segment(tmp_path: Path) -> None:
    copy = tmp_path / LIBRARY.name
    content = bytearray(LIBRARY.read_bytes())
    address, size, _, _ = next(each for each in _native.library_segments() if each[2] == "rx")
    content[address + size // 2] ^= 1
    copy.write_bytes(content)
    pairs = zip(segments.measure(LIBRARY), segments.measure(copy), strict=True)
    assert [before["kind"] for before, after in pairs if before != after] == ["rx"]


def test_text_relocations_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / LIBRARY.name
    content = bytearray(LIBRARY.read_bytes())
    programs = list(segments._programs(content))
    (offset,) = [offset for kind, _, offset, *_ in programs if kind == segments.PT_DYNAMIC]
    struct.pack_into("<qQ", content, offset, segments.DT_TEXTREL, 0)
    copy.write_bytes(content)
    with pytest.raises(ValueError, match="has text relocations"):
        segments.measure(copy)


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01" + bytes(60), b"#!/bin/sh\n"])
def test_what_is_no_library(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "libwolfssl.so"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="no 64-bit little-endian ELF file"):
        segments.measure(file)
