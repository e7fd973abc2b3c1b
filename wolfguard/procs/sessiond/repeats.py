# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps strangers from filling the trail: what they can cause at will is recorded one by one up to a rate, then summed.

sans-IO. Up to `rate` records a second go through; further ones are counted by (event, reason, source) and come out as
one record each, with a count, when the second is over. Past `kinds` different ones the source is left out ("many").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.records.record import Value

RATE: Final = 50
KINDS: Final = 256
MANY: Final = "many"


@dataclass(frozen=True, slots=True)
class Happening:
    """One refusal, as `Ledger.record` takes it; `fields` has a "count"."""

    name: str
    outcome: str
    who: str
    where: str
    reason: str
    fields: tuple[tuple[str, Value], ...]

    def times(self, count: int) -> dict[str, Any]:
        return {**dict(self.fields), "count": count}


class Repeats:
    def __init__(self, rate: int = RATE, kinds: int = KINDS) -> None:
        self._rate = rate
        self._kinds = kinds
        self._second = 0
        self._passed = 0
        self._begun = 0
        self._sums: dict[tuple[str, str, str], tuple[Happening, int]] = {}

    @property
    def waiting(self) -> bool:
        """Whether `take` has something to give when the second is over."""
        return bool(self._sums)

    def let_through(self, happening: Happening, count: int, now: float) -> bool:
        """True: record it now. False: it is summed and comes out of `take`."""
        if int(now) != self._second:
            self._second, self._passed = int(now), 0
        if self._passed < self._rate and not self._sums:
            self._passed += 1
            return True
        if not self._sums:
            self._begun = self._second
        key = (happening.name, happening.reason, happening.where)
        if key not in self._sums and len(self._sums) >= self._kinds:
            key = (happening.name, happening.reason, MANY)
            happening = Happening(happening.name, happening.outcome, "", MANY, happening.reason, happening.fields)
        first, summed = self._sums.get(key, (happening, 0))
        self._sums[key] = (first, summed + count)
        return False

    def take(self, now: float = math.inf) -> list[tuple[Happening, int]]:
        """The sums so far, once the second in which they began is over; then starts anew."""
        if now < self._begun + 1:
            return []
        sums, self._sums = self._sums, {}
        return list(sums.values())
