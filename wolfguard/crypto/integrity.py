# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is mapped of libwolfssl is what the build's manifest says.

Owns the comparison of measured segments with the manifest's (`segments`: for each file a list of address, size, kind
and SHA-256, written by fips/segments.py). The measurement is C's (mapped.c); it covers code and constants as they lie
in memory, so it finds what a file that was read again would not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Mapped = Sequence[tuple[int, int, str, str]]
"""Address, size, "r" or "rx", and SHA-256 in hex, of each segment."""

_KINDS: Final = {"r": "constants (.rodata, headers)", "rx": "code (.text)"}
_AGAIN: Final = "install the package again"


def is_sound(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest's `segments` have their form."""
    segments = manifest.get("segments")
    return isinstance(segments, dict) and all(
        isinstance(listed, list) and all(_is_segment(each) for each in listed) for listed in segments.values()
    )


def compare(manifest: Mapping[str, Any], name: str, mapped: Mapped) -> str:
    """Empty when all segments agree, else a sentence. `manifest` is sound; `name` is the library's file name."""
    wanted = manifest["segments"].get(name)
    if not wanted:
        return f"the manifest lists no segments of {name}; build it again with fips/build"
    listed = [(each["address"], each["size"], each["kind"]) for each in wanted]
    if listed != [(address, size, kind) for address, size, kind, _ in mapped]:
        return f"the segments of {name} in memory are others than those of the manifest; {_AGAIN}"
    for each, (address, _, kind, found) in zip(wanted, mapped, strict=True):
        if each["sha256"] != found:
            what = _KINDS.get(kind, kind)
            return (
                f"what is mapped of {name} at {address:#x}, its {what}, has the SHA-256 {found}, in the manifest it is "
                f"{each['sha256']}; {_AGAIN}"
            )
    return ""


def _is_segment(each: object) -> bool:
    return (
        isinstance(each, dict)
        and all(isinstance(each.get(name), int) for name in ("address", "size"))
        and all(isinstance(each.get(name), str) for name in ("kind", "sha256"))
    )
