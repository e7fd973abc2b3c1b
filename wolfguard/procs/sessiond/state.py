# SPDX-License-Identifier: GPL-3.0-or-later
"""What the handlers of sessiond share: the working state and the ways to make it durable and to tell others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from wolfguard.address.pools import Pools
from wolfguard.auth.lockout import Guard
from wolfguard.ipc.channel import Channel
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.accounts import Accounts
from wolfguard.procs.sessiond.checkpoints import Checkpoints
from wolfguard.procs.sessiond.cookies import Cookies
from wolfguard.procs.sessiond.ledger import Ledger
from wolfguard.procs.sessiond.repeats import Happening, Repeats
from wolfguard.procs.sessiond.routes import Routes
from wolfguard.procs.sessiond.sequence import Sequence
from wolfguard.procs.sessiond.sessions import Session, Sessions
from wolfguard.procs.sessiond.settings import Settings
from wolfguard.procs.sessiond.traffic import Counters
from wolfguard.records.record import Value
from wolfguard.store.interface import Store

log = Log(__name__)


@dataclass(slots=True)
class State:
    """`clock` gives Unix seconds. `workers` are the channels that stand, by slot. `not_approved` counts sessions since
    the start that have used what is not approved, `orders_refused` what servers, or who claimed to be one, ordered in
    vain. `told_of_ends` hear the number of each session that ends."""

    settings: Settings
    sessions: Sessions
    pools: Pools
    guard: Guard
    ledger: Ledger
    checkpoints: Checkpoints
    routes: Routes
    store: Store
    cookies: Cookies
    counters: Counters
    accounts: Accounts
    session_numbers: Sequence
    epochs: Sequence
    clock: Callable[[], float]
    repeats: Repeats = field(default_factory=Repeats)
    workers: dict[int, Channel] = field(default_factory=dict)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    not_approved: int = 0
    told_of_ends: list[Callable[[int], None]] = field(default_factory=list)
    orders_refused: int = 0

    def now(self) -> int:
        return int(self.clock())

    def note_approval(self, session: Session, approved: bool) -> None:
        """Counts a session once, however often its client comes back."""
        if not approved and not session.not_approved:
            session.not_approved = True
            self.not_approved += 1

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Runs something that nobody waits for; its failure is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def number(self, sequence: Sequence) -> int:
        """The next of a sequence; raises StoreError."""
        number, reserve = sequence.take()
        if reserve:
            self.ledger.touch(("value", sequence.name))
        return number

    def store_failures(self) -> None:
        """Has the changed rows of failures stored."""
        self.ledger.touch(*(("failure", key) for key in self.guard.changed))
        self.guard.changed.clear()

    def refusal(
        self, name: str, *, reason: str, who: str = "", where: str = "", count: int = 1, **fields: Value
    ) -> None:
        """Records something that strangers can cause at will (the event has a field "count")."""
        happening = Happening(name, "failure", who, where, reason, tuple(fields.items()))
        if self.repeats.let_through(happening, count, self.clock()):
            self._record(happening, count)

    def sum_up(self, *, all_of_them: bool = False) -> None:
        """Records the refusals that were too many to record one by one; called every second, and at the end for all."""
        for happening, count in self.repeats.take() if all_of_them else self.repeats.take(self.clock()):
            self._record(happening, count)

    def _record(self, happening: Happening, count: int) -> None:
        self.ledger.record(
            happening.name,
            happening.outcome,
            who=happening.who,
            where=happening.where,
            reason=happening.reason,
            **happening.times(count),
        )

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_failed", task=task.get_name(), error=type(task.exception()).__name__)
