# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures and lockouts: how often an account, or a source address, may be wrong.

Rules: an account that does not exist is treated like one that does, so that lockouts tell nobody which names are real;
a source is an IPv4 address or an IPv6 /64; attempts under way count as if they had failed already, so that guesses sent
at the same moment gain nothing. After CONSECUTIVE_MAX failures without a good login in between an account stays refused
until an administrator unlocks it (SP 800-63B-4, 3.2.2). Tables are bounded: rows of unknown names and of sources give
way, oldest first, those of real accounts never do. sans-IO; time comes in (Unix seconds, since lockouts outlive
restarts).
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

ACCOUNT: Final = "account"
ADDRESS: Final = "address"
FOREVER: Final = 2**62
CONSECUTIVE_MAX: Final = 100
STRANGERS_MAX: Final = 65_536

Key = tuple[str, str]


def source_of(address: str) -> str:
    """The key of a client's address: itself for IPv4, its /64 for IPv6, an IPv4-mapped one as IPv4."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((parsed, 64), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)


@dataclass(frozen=True, slots=True)
class Limits:
    """`failures` of an account and `address_failures` of a source in `window` seconds lock it for `duration`."""

    failures: int
    address_failures: int
    window: int
    duration: int


@dataclass(slots=True)
class Failures:
    """`consecutive` counts since the last good login; `known` tells an account that exists."""

    count: int = 0
    window_start: int = 0
    locked_until: int = 0
    consecutive: int = 0
    known: bool = False


class Guard:
    """`changed` collects the keys whose rows must be stored; the owner empties it."""

    def __init__(self, limits: Limits, strangers: int = STRANGERS_MAX) -> None:
        self.limits = limits
        self.changed: set[Key] = set()
        self._strangers = strangers
        self._real: dict[Key, Failures] = {}
        self._unknown: dict[Key, Failures] = {}
        self._under_way: Counter[Key] = Counter()

    def restore(self, rows: Iterable[tuple[Key, Failures]]) -> None:
        """Takes back what was stored before a restart."""
        for key, row in rows:
            self._table(row.known)[key] = row

    def row(self, key: Key) -> Failures | None:
        return self._real.get(key) or self._unknown.get(key)

    def locked_until(self, key: Key, now: float) -> int:
        """When the lockout of an account or source ends; 0 when there is none."""
        row = self.row(key)
        return row.locked_until if row is not None and row.locked_until > now else 0

    def room(self, key: Key, now: float) -> bool:
        """Whether one more attempt may begin now, next to those under way; ask `locked_until` first."""
        row = self.row(key)
        failed = 0 if row is None or self._stale(row, now) else row.count
        # Whoever is alone may always try: nobody else's end could let them in later.
        return not self._under_way[key] or failed + self._under_way[key] < self._allowed(key)

    def begin(self, keys: Iterable[Key]) -> None:
        """An attempt is under way."""
        self._under_way.update(keys)

    def finish(self, keys: Iterable[Key]) -> None:
        """It has ended, whatever its outcome."""
        for key in keys:
            self._under_way[key] -= 1
            if self._under_way[key] <= 0:
                del self._under_way[key]

    def failed(self, key: Key, now: float, *, known: bool = False) -> int:
        """Counts a failure; returns when the lockout that it caused ends, else 0."""
        # A stranger's row becomes a real one when the account is made; it moves with its counts.
        row = self._real.pop(key, None) or self._unknown.pop(key, None) or Failures()
        row.known = row.known or known
        self._table(row.known)[key] = row
        self._make_room()
        if self._stale(row, now):
            row.count, row.window_start = 0, int(now)
        row.count += 1
        row.consecutive += 1
        self.changed.add(key)
        if key[0] == ACCOUNT and row.consecutive >= CONSECUTIVE_MAX:
            row.locked_until = FOREVER
        elif row.count >= self._allowed(key):
            row.locked_until = int(now) + self.limits.duration
            row.count, row.window_start = 0, 0
        else:
            return 0
        return row.locked_until

    def succeeded(self, account: str) -> int:
        """A good login clears the account's failures; returns how many there were since the last good one.

        Sources keep theirs: a good login to one account must not buy guesses at the others.
        """
        row = self.clear((ACCOUNT, account))
        return row.consecutive if row is not None else 0

    def clear(self, key: Key) -> Failures | None:
        """Forgets a row (unlock, removal); returns what it was."""
        row = self._real.pop(key, None) or self._unknown.pop(key, None)
        if row is not None:
            self.changed.add(key)
        return row

    def rows(self) -> Iterator[tuple[Key, Failures]]:
        yield from self._real.items()
        yield from self._unknown.items()

    def _table(self, known: bool) -> dict[Key, Failures]:
        return self._real if known else self._unknown

    def _allowed(self, key: Key) -> int:
        return self.limits.failures if key[0] == ACCOUNT else self.limits.address_failures

    def _stale(self, row: Failures, now: float) -> bool:
        return now - row.window_start > self.limits.window or row.window_start > now

    def _make_room(self) -> None:
        # Oldest touched first: a row moves to the end whenever it is counted.
        while len(self._unknown) > self._strangers:
            key = next(iter(self._unknown))
            del self._unknown[key]
            self.changed.add(key)
