# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that are never given twice, also across a crash, without a disk write for each.

A block is reserved durably ahead of use; a restart begins above the last reservation. Session numbers and tunnel epochs
come from here: epochs grow over *all* sessions, so that of two routes to one address the newer always wins, whichever
sessions they belonged to.
"""

from __future__ import annotations

from typing import Final

from wolfguard.store.interface import PutValue, StoreError

BLOCK: Final = 65_536


class Sequence:
    """`reserved` is the stored high-water mark of the run before (0 at first)."""

    def __init__(self, name: str, reserved: int = 0) -> None:
        self.name = name
        self._next = reserved + 1
        self._wanted = reserved + BLOCK
        self._durable = reserved

    def change(self) -> PutValue:
        """What to store now."""
        return PutValue(self.name, self._wanted)

    def durable(self, value: int) -> None:
        """`value` has been stored."""
        self._durable = max(self._durable, value)

    def take(self) -> tuple[int, bool]:
        """The next number, and whether a new reservation should be stored soon; raises StoreError when none is left."""
        if self._next > self._durable:
            raise StoreError("no numbers are reserved: the state has not been writable for long; free disk space")
        number = self._next
        self._next += 1
        if self._wanted - self._next < BLOCK // 2:
            self._wanted += BLOCK
            return number, True
        return number, self._wanted > self._durable
