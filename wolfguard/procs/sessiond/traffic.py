# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the traffic counters that workers write: one shared array a slot, 64 bytes a place.

A place holds its session's number first, so what an earlier owner of the place left on some slot is never counted. The
arrays are read while they are written; a figure may be a packet behind, a word is never torn.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import StartError

ENTRY: Final = 64
_WORDS: Final = struct.Struct("=6Q")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Traffic:
    """Inner packets and bytes; received is from the client, sent is to it. `active` is CLOCK_MONOTONIC milliseconds."""

    received_packets: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    active: int = 0


class Counters:
    """Takes ownership of the descriptors (memfds), one a slot, and closes them once they are mapped."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self._maps: list[mmap.mmap] = []
        for descriptor in descriptors:
            size = os.fstat(descriptor).st_size
            if size < ENTRY:
                raise StartError("a traffic counter area is empty; the supervisor is of another release")
            self._maps.append(mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ))
            os.close(descriptor)

    @property
    def places(self) -> int:
        """How many sessions every area has room for."""
        return min((len(each) // ENTRY for each in self._maps), default=0)

    def of(self, place: int, session: int) -> Traffic:
        """Sums over all slots that ever carried the session."""
        totals = [0, 0, 0, 0, 0]
        for area in self._maps:
            if (place + 1) * ENTRY > len(area):
                continue
            owner, *words = _WORDS.unpack_from(area, place * ENTRY)
            if owner != session:
                continue
            for at in range(4):
                totals[at] += words[at]
            totals[4] = max(totals[4], words[4])
        return Traffic(*totals)

    def knows(self, place: int, session: int) -> bool:
        """Whether any slot has carried the session since the gateway was started."""
        fitting = [area for area in self._maps if (place + 1) * ENTRY <= len(area)]
        return any(_WORDS.unpack_from(area, place * ENTRY)[0] == session for area in fitting)

    @property
    def untouched(self) -> bool:
        """Whether no worker has carried anything since the gateway was started."""
        blank = bytes(_CHUNK)
        return all(
            area[at : at + _CHUNK] == blank[: min(_CHUNK, len(area) - at)]
            for area in self._maps
            for at in range(0, len(area), _CHUNK)
        )

    def close(self) -> None:
        for area in self._maps:
            area.close()
