# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounting of sessions: what is said of each and when, and the queues in which it waits to be told.

Owns the moments (first tunnel, interval, end, start and stop of the gateway) and the totals of traffic, which outlive
the counters: those end with the gateway, so each report notes in the session what they said. An event is stored in the
transaction that stores the change of its session. Must not know servers; `telling` has the events sent. RFC 2866,
RFC 2869 section 2.1.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from wolfguard.config.site import Backend
from wolfguard.errors import PeerError
from wolfguard.ipc import codec
from wolfguard.ipc.accounting import INTERIM, NO_TRAFFIC, OFF, ON, START, STOP, AccountedTraffic, AccountingEvent
from wolfguard.ipc.factors import Attribute
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond import account as accounts
from wolfguard.procs.sessiond.account import Account, AccountedAt
from wolfguard.procs.sessiond.queue import REMOVED, UNREADABLE, AccountingQueue
from wolfguard.procs.sessiond.sessions import Session, Sessions
from wolfguard.procs.sessiond.traffic import Counters, Traffic
from wolfguard.store.interface import AccountingRow, Change, DropAccounting, PutAccounting

log = Log(__name__)

LOST_CARRIER: Final = "lost-carrier"
NAS_REBOOT: Final = "nas-reboot"
KEY: Final = "accounting"
LOSS_SECONDS: Final = 60.0
"""Between two records of what was lost for the same reason."""

Touch = Callable[[tuple[str, object]], None]


class Accounts:
    """`touch` has the row of a key stored; `clock` gives Unix seconds."""

    def __init__(
        self,
        backends: Iterable[Backend],
        sessions: Sessions,
        counters: Counters,
        touch: Touch,
        clock: Callable[[], float],
    ) -> None:
        self._accounting = {
            backend.name: backend.radius.accounting
            for backend in backends
            if backend.radius is not None and backend.radius.accounting is not None
        }
        self.queues = {name: AccountingQueue(own.queue, own.keep) for name, own in self._accounting.items()}
        self.news = {name: asyncio.Event() for name in self.queues}
        """Set when a queue has more to send than before."""
        self._sessions = sessions
        self._counters = counters
        self._touch = touch
        self._clock = clock
        self._next = 1
        self._due: list[tuple[int, int]] = []
        self._beats: dict[int, int] = {}
        self._lost: dict[tuple[str, str], int] = {}
        self._reported: dict[tuple[str, str], float] = {}

    # --- a start ----------------------------------------------------------------------------------------------------

    def restore(self, rows: Sequence[AccountingRow], stranded: Iterable[Session]) -> None:
        """What the run before has not sent. The sessions are back already, but for those `stranded`, which cannot be
        taken over and so are over."""
        for row in rows:
            self._next = max(self._next, row.number + 1)
            queue = self.queues.get(row.backend)
            event = _read(row.event)
            if queue is None or event is None:
                self._lose(row.backend, REMOVED if queue is None else UNREADABLE, 1)
                self._touch((KEY, row.number))
                continue
            queue.put(row.number, event, durable=True)
            self._store(row.backend)
        for session in self._sessions:
            self._restored(session)
        for session in stranded:
            # Its row goes in one transaction with what is said of its end.
            self._touch(("session", session.number))
            self._restored(session)
            self.ended(session, NAS_REBOOT)
        lives = any(session.account is not None and session.account.began for session in self._sessions)
        if not lives and self._counters.untouched:
            # The gateway has been started, and all sessions of before are told to be over. Where some live on, this
            # would end them at the servers.
            self._gateway(ON)

    # --- a session ---------------------------------------------------------------------------------------------------

    def of_login(self, accepted: Iterable[tuple[str, Sequence[Attribute]]]) -> Account | None:
        """How a new session is accounted for; None: not at all."""
        return accounts.of_login(accepted, self._accounting)

    def opened(self, session: Session) -> None:
        """It has a tunnel: the first one begins what is accounted for."""
        account = session.account
        if account is None or (account.began and not account.stranded):
            return
        session.account = replace(account, began=account.began or int(self._clock()), stranded=False)
        self._touch(("session", session.number))
        if not account.began:
            self._say(session, START)
            self._arm(session)

    def rearm(self, session: Session) -> None:
        """Its interval may be another one."""
        if session.account is not None and session.account.began:
            self._arm(session)

    def ended(self, session: Session, cause: str) -> None:
        """It is over; of one that never had a tunnel nothing was told."""
        account = session.account
        self._beats.pop(session.number, None)
        if account is not None and account.began:
            self._say(session, STOP, NAS_REBOOT if cause == LOST_CARRIER and account.stranded else cause)

    def traffic(self, session: Session) -> Traffic:
        """All that it has carried, as far as is known."""
        counted = self._counters.of(session.place, session.number)
        if session.account is None:
            return counted
        total = session.account.total(_plain(counted))
        return Traffic(
            total.received_packets, total.received_bytes, total.sent_packets, total.sent_bytes, counted.active
        )

    # --- the clock and the end --------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Reports that are due; what has waited for too long."""
        while self._due and self._due[0][0] <= now:
            due, number = heapq.heappop(self._due)
            session = self._sessions.get(number)
            # Entries stay when an interval changes: the one that tells the truth is the newest.
            if session is not None and self._beats.get(number) == due:
                self._report(session)
                self._arm(session)
        for name, queue in self.queues.items():
            queue.expire(now)
            self._store(name)

    def stopped(self) -> None:
        """The gateway ends, and all sessions have."""
        self._gateway(OFF)

    def lost(self, now: float) -> list[tuple[str, str, int]]:
        """(backend, reason, how many) that are to be recorded now."""
        found: list[tuple[str, str, int]] = []
        for key, count in list(self._lost.items()):
            if now - self._reported.get(key, now - LOSS_SECONDS) >= LOSS_SECONDS:
                found.append((*key, count))
                self._reported[key] = now
                del self._lost[key]
        return found

    # --- the store ---------------------------------------------------------------------------------------------------

    def change(self, number: int) -> Change:
        """What to store about an event now."""
        for name, queue in self.queues.items():
            event = queue.get(number)
            if event is not None:
                return PutAccounting(AccountingRow(number, name, json.dumps(codec.to_json(event))))
        return DropAccounting(number)

    def stored(self, row: AccountingRow) -> None:
        """An event is on disk, so it may go out."""
        self.queues[row.backend].stored(row.number)
        self.news[row.backend].set()

    def settled(self, name: str) -> None:
        """Events of this queue have gone out, or could not."""
        self._store(name)

    @property
    def idle(self) -> bool:
        """Nothing waits that could go out now."""
        return all(not queue or not queue.answered for queue in self.queues.values())

    # --- inside ------------------------------------------------------------------------------------------------------

    def _restored(self, session: Session) -> None:
        account = session.account
        if account is None or not account.began:
            return
        if not self._counters.knows(session.place, session.number):
            session.account = account.after_restart()
            self._touch(("session", session.number))
        self._arm(session)

    def _arm(self, session: Session) -> None:
        account = session.account
        if account is None or not account.interval:
            return
        # The same beat after a restart.
        beats = (int(self._clock()) - account.began) // account.interval + 1
        due = account.began + beats * account.interval
        if self._beats.get(session.number) != due:
            self._beats[session.number] = due
            heapq.heappush(self._due, (due, session.number))

    def _report(self, session: Session) -> None:
        account = session.account
        if account is None or not account.began:
            return
        session.account = replace(account, seen=_plain(self._counters.of(session.place, session.number)))
        self._touch(("session", session.number))
        self._say(session, INTERIM)

    def _say(self, session: Session, kind: str, cause: str = "") -> None:
        account = session.account
        if account is None:
            return
        for at in account.at:
            if at.backend in self.queues:
                self._put(at.backend, self._event(session, account, at, kind, cause))

    def _event(self, session: Session, account: Account, at: AccountedAt, kind: str, cause: str) -> AccountingEvent:
        counted = _plain(self._counters.of(session.place, session.number))
        return AccountingEvent(
            kind=kind,
            time=int(self._clock()),
            session=session.number,
            id=session_id(session),
            user=session.user,
            site=session.site,
            group=session.group,
            address=session.peer.address if session.peer else "",
            user_agent=session.user_agent[:256],
            ipv4=session.ipv4,
            ipv6=session.ipv6,
            began=account.began,
            traffic=account.total(counted) if kind != START else NO_TRAFFIC,
            cause=cause,
            classes=at.classes,
        )

    def _gateway(self, kind: str) -> None:
        for name in self.queues:
            self._put(name, AccountingEvent(kind, int(self._clock())))

    def _put(self, name: str, event: AccountingEvent) -> None:
        self.queues[name].put(self._next, event)
        self._next += 1
        self._store(name)

    def _store(self, name: str) -> None:
        queue = self.queues[name]
        for number in queue.changed:
            self._touch((KEY, number))
        queue.changed.clear()
        for reason, count in queue.take_lost().items():
            self._lose(name, reason, count)

    def _lose(self, name: str, reason: str, count: int) -> None:
        self._lost[name, reason] = self._lost.get((name, reason), 0) + count


def session_id(session: Session) -> str:
    """Its name at servers. Numbers begin anew where the state file is lost; the time of the login does not."""
    return f"{session.created:x}-{session.number:x}"


def _read(text: str) -> AccountingEvent | None:
    """None for what another release, or nobody, has written."""
    try:
        return codec.from_json(AccountingEvent, codec.load(text.encode()))
    except PeerError:
        return None


def _plain(traffic: Traffic) -> AccountedTraffic:
    return AccountedTraffic(traffic.received_bytes, traffic.sent_bytes, traffic.received_packets, traffic.sent_packets)
