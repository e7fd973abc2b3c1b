# SPDX-License-Identifier: GPL-3.0-or-later
"""What one backend's servers have still to be told of sessions: in order, bounded, none of it lost unseen. sans-IO.

An event goes out once it is stored, and leaves when a server has confirmed it. Events of one session go out one after
the other, those of different sessions beside each other; ON and OFF, which speak of all sessions, go alone, after all
before them and before all after them. A report of a session that lasts takes the place of an older one that still
waits, and its end that of both, since they say more. Past `limit`, reports are dropped first, then beginnings, then
ends, the oldest first. Must not know processes or the store: `changed` has the numbers whose rows must be stored anew.

Times: `now` of the methods is seconds of a steady clock, that of `expire` and events Unix seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wolfguard.ipc.accounting import INTERIM, START, STOP, AccountingEvent

FULL: Final = "queue-full"
OLD: Final = "too-old"
UNFIT: Final = "unfit"
REMOVED: Final = "backend-removed"
UNREADABLE: Final = "unreadable"

WAIT_FIRST: Final = 1.0
WAIT_MOST: Final = 60.0
"""Seconds until what was not answered is sent again; doubled each time."""


@dataclass(slots=True)
class Waiting:
    number: int
    event: AccountingEvent
    durable: bool = False
    under_way: bool = False
    wait: float = WAIT_FIRST
    due: float = 0.0


class AccountingQueue:
    """`lost` counts what was dropped, by reason, since the start. `answered`: whether servers took any of what was sent
    last."""

    def __init__(self, limit: int, keep: int) -> None:
        self._limit = limit
        self._keep = keep
        self._events: dict[int, Waiting] = {}
        self._interims: dict[int, int] = {}
        self._starts: dict[int, None] = {}
        self._stopped: set[int] = set()
        self._wait = WAIT_FIRST
        self._due = 0.0
        self.changed: set[int] = set()
        self.lost: Counter[str] = Counter()
        self._new_losses: Counter[str] = Counter()
        self.answered = True

    def __len__(self) -> int:
        return len(self._events)

    def get(self, number: int) -> AccountingEvent | None:
        waiting = self._events.get(number)
        return waiting.event if waiting is not None else None

    @property
    def oldest(self) -> int:
        """When what waits longest happened; 0 when nothing waits."""
        return next(iter(self._events.values())).event.time if self._events else 0

    # --- in ----------------------------------------------------------------------------------------------------------

    def put(self, number: int, event: AccountingEvent, *, durable: bool = False) -> None:
        """Numbers grow. `durable`: it comes from the store."""
        if event.kind in (INTERIM, STOP):
            self._supersede(event.session)
        while len(self._events) >= self._limit and self._drop_one(event):
            pass
        if len(self._events) >= self._limit:
            self._count(FULL)
            return
        self._events[number] = Waiting(number, event, durable)
        if event.kind == INTERIM:
            self._interims[event.session] = number
        elif event.kind == START:
            self._starts[number] = None
        elif event.kind == STOP:
            self._stopped.add(event.session)
        if not durable:
            self.changed.add(number)

    def stored(self, number: int) -> None:
        """Its row is on disk."""
        waiting = self._events.get(number)
        if waiting is not None:
            waiting.durable = True

    def take_lost(self) -> Counter[str]:
        """What was dropped since the call before."""
        taken, self._new_losses = self._new_losses, Counter()
        return taken

    def expire(self, now: float) -> None:
        """Drops what has waited for too long."""
        for waiting in list(self._events.values()):
            if waiting.event.time + self._keep > now:
                return
            if not waiting.under_way:
                self._lose(waiting, OLD)

    # --- out ---------------------------------------------------------------------------------------------------------

    def batch(self, now: float, most: int) -> tuple[Waiting, ...]:
        """What may go out now, at most one event a session; it is under way until `settle`."""
        if now < self._due:
            return ()
        chosen: list[Waiting] = []
        passed: set[int] = set()
        for waiting in self._events.values():
            session = waiting.event.session
            ready = waiting.durable and not waiting.under_way and waiting.due <= now
            if not session:
                if ready and not passed:
                    chosen.append(waiting)
                break
            if ready and session not in passed:
                chosen.append(waiting)
            passed.add(session)
            if len(chosen) >= most:
                break
        for waiting in chosen:
            waiting.under_way = True
        return tuple(chosen)

    def settle(self, batch: Iterable[Waiting], done: set[int], unfit: set[int], now: float) -> bool:
        """What became of a batch: confirmed, dropped, or to be sent again. True: servers have begun to answer, or have
        ceased to."""
        left: list[Waiting] = []
        for waiting in batch:
            waiting.under_way = False
            if waiting.number in done:
                self._remove(waiting)
            elif waiting.number in unfit:
                self._lose(waiting, UNFIT)
            else:
                left.append(waiting)
        any_done = bool(done or unfit)
        for waiting in left:
            if any_done:
                # The servers are there and do not answer this one: it must not hold up the others.
                waiting.due = now + waiting.wait
                waiting.wait = min(waiting.wait * 2, WAIT_MOST)
            self._drop_superseded(waiting)
        before = self.answered
        self.answered = any_done
        if any_done:
            self._wait, self._due = WAIT_FIRST, 0.0
        else:
            self._due = now + self._wait
            self._wait = min(self._wait * 2, WAIT_MOST)
        return before != self.answered

    def spare(self, batch: Iterable[Waiting]) -> None:
        """These have not gone out after all."""
        for waiting in batch:
            waiting.under_way = False
            self._drop_superseded(waiting)

    def again(self) -> None:
        """Whatever kept events from being sent may be over: what waits is tried at once."""
        self._wait, self._due = WAIT_FIRST, 0.0

    def next_due(self, now: float) -> float | None:
        """When `batch` may have something that it has not now, by the clock alone; None: not by the clock."""
        if not self._events:
            return None
        if now < self._due:
            return self._due
        return min((each.due for each in self._events.values() if each.due > now and not each.under_way), default=None)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _supersede(self, session: int) -> None:
        number = self._interims.get(session)
        if number is not None and not self._events[number].under_way:
            self._remove(self._events[number])

    def _drop_superseded(self, waiting: Waiting) -> None:
        """A report that was under way while a newer one, or the session's end, came."""
        session = waiting.event.session
        if waiting.event.kind == INTERIM and (
            self._interims.get(session) != waiting.number or session in self._stopped
        ):
            self._remove(waiting)

    def _drop_one(self, event: AccountingEvent) -> bool:
        """Makes room for `event` by what is worth less than it; False when there is no such."""
        for numbers in (self._interims.values(), () if event.kind == INTERIM else self._starts):
            for number in numbers:
                if not self._events[number].under_way:
                    self._lose(self._events[number], FULL)
                    return True
        if event.kind in (INTERIM, START):
            return False
        for waiting in self._events.values():
            if not waiting.under_way:
                self._lose(waiting, FULL)
                return True
        return False

    def _lose(self, waiting: Waiting, reason: str) -> None:
        self._count(reason)
        self._remove(waiting)

    def _count(self, reason: str) -> None:
        self.lost[reason] += 1
        self._new_losses[reason] += 1

    def _remove(self, waiting: Waiting) -> None:
        number, session = waiting.number, waiting.event.session
        del self._events[number]
        if self._interims.get(session) == number:
            del self._interims[session]
        self._starts.pop(number, None)
        if waiting.event.kind == STOP:
            self._stopped.discard(session)
        self.changed.add(number)
