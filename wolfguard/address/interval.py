# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of integers kept as sorted, disjoint, closed intervals.

Owns the arithmetic that lets a pool of any size (a /8, a /48) cost memory by its leases only, never by its width.
"""

from __future__ import annotations

from bisect import bisect_right


class IntervalSet:
    """Members are added and removed one by one or as runs; look-ups are O(log n) in the number of runs."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]

    def runs(self) -> tuple[tuple[int, int], ...]:
        """The intervals in order, both ends included."""
        return tuple(zip(self._starts, self._ends, strict=True))

    def add(self, first: int, last: int | None = None) -> None:
        """Adds first..last (both included), joining whatever it touches."""
        last = first if last is None else last
        if last < first:
            raise ValueError("an interval ends before it starts")
        low = bisect_right(self._starts, first) - 1
        if low < 0 or self._ends[low] < first - 1:
            low += 1
        high = bisect_right(self._starts, last + 1)
        if low < high:
            first = min(first, self._starts[low])
            last = max(last, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [last]

    def remove(self, number: int) -> None:
        """Removes one member; raises KeyError when it is absent."""
        at = bisect_right(self._starts, number) - 1
        if at < 0 or number > self._ends[at]:
            raise KeyError(number)
        first, last = self._starts[at], self._ends[at]
        pieces = [(a, b) for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
        self._starts[at : at + 1] = [a for a, _ in pieces]
        self._ends[at : at + 1] = [b for _, b in pieces]

    def next_absent(self, number: int) -> int:
        """The smallest integer >= `number` that is not a member."""
        at = bisect_right(self._starts, number) - 1
        if at >= 0 and number <= self._ends[at]:
            return self._ends[at] + 1
        return number
