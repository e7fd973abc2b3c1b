# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that only a worker sees, summed up on their way: a flood of bad input must not become a flood of records.

Owns the sums by (event, address, reason) and the counters by reason. Bounded: past `SUMS_MAX` different sums, further
ones are counted together under "many addresses", so that nothing is silently lost.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from wolfguard.ipc.tunnels import WorkerEvent

BAD_INPUT: Final = "bad_input"
REFUSED: Final = "refused"

SUMS_MAX: Final = 256
DETAIL_MAX: Final = 200
MANY: Final = "many addresses"


class Reports:
    """`add` at any rate, `take` now and then."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], tuple[int, str]] = {}
        self.counters: Counter[str] = Counter()

    def add(self, event: str, peer: str, reason: str, count: int = 1, detail: str = "") -> None:
        """`detail` of the first of each sum is kept."""
        self.counters[reason] += count
        key = (event, peer, reason)
        if key not in self._sums and len(self._sums) >= SUMS_MAX:
            key = (event, MANY, reason)
            detail = ""
        before, first = self._sums.get(key, (0, detail[:DETAIL_MAX]))
        self._sums[key] = (before + count, first)

    def count(self, reason: str) -> None:
        """Only the counter: what is worth an event was added before."""
        self.counters[reason] += 1

    def take(self) -> tuple[WorkerEvent, ...]:
        """Everything since the last call."""
        sums, self._sums = self._sums, {}
        return tuple(
            WorkerEvent(event=event, peer=peer, reason=reason, count=count, detail=detail)
            for (event, peer, reason), (count, detail) in sums.items()
        )
