# SPDX-License-Identifier: GPL-3.0-or-later
"""Which attempts may run beside each other: no more at once than the account and the source may still fail.

An attempt enters and is admitted, held back, or locked out. When one leaves, those held back behind it are looked at
again, in order of arrival. sans-IO: the caller keeps the attempts, this keeps their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

from wolfguard.auth.lockout import ACCOUNT, ADDRESS, Guard, Key
from wolfguard.errors import LocalError

ADMITTED: Final = "admitted"
HELD: Final = "held"
LOCKED: Final = "locked"


class Admission:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._running: dict[Hashable, tuple[Key, ...]] = {}
        self._held: dict[Key, deque[tuple[Hashable, tuple[Key, ...]]]] = {}
        self._held_by: dict[Hashable, Key] = {}

    def enter(self, attempt: Hashable, account: str | None, source: str, now: float) -> str:
        """ADMITTED, HELD or LOCKED. `account` None: a name that nobody can have, limited by its source alone. Who is
        admitted already stays so: a chain of factors may ask more than once in one attempt."""
        keys: tuple[Key, ...] = ((ADDRESS, source),)
        if account is not None:
            keys = ((ACCOUNT, account), *keys)
        if attempt in self._running:
            if self._running[attempt] != keys:
                raise LocalError("an attempt cannot go on as somebody else")
            return ADMITTED
        return self._look(attempt, keys, now)

    def leave(self, attempt: Hashable, now: float) -> list[tuple[Hashable, str]]:
        """The attempt has ended and its failure, if any, is counted; returns verdicts for attempts held so far."""
        blocker = self._held_by.pop(attempt, None)
        if blocker is not None:
            self._held[blocker] = deque(each for each in self._held[blocker] if each[0] != attempt)
        keys = self._running.pop(attempt, ())
        self._guard.finish(keys)
        verdicts: list[tuple[Hashable, str]] = []
        for key in keys:
            self._release(key, now, verdicts)
        return verdicts

    def _look(self, attempt: Hashable, keys: tuple[Key, ...], now: float) -> str:
        if any(self._guard.locked_until(key, now) for key in keys):
            return LOCKED
        for key in keys:
            if not self._guard.room(key, now):
                self._held.setdefault(key, deque()).append((attempt, keys))
                self._held_by[attempt] = key
                return HELD
        self._guard.begin(keys)
        self._running[attempt] = keys
        return ADMITTED

    def _release(self, key: Key, now: float, verdicts: list[tuple[Hashable, str]]) -> None:
        waiting = self._held.pop(key, deque())
        while waiting:
            attempt, keys = waiting.popleft()
            del self._held_by[attempt]
            verdict = self._look(attempt, keys, now)
            if verdict != HELD:
                verdicts.append((attempt, verdict))
            elif self._held_by[attempt] == key:
                # Still no room here: it keeps its place before those behind it.
                self._held[key].extend(waiting)
                return
