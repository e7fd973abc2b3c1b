# SPDX-License-Identifier: GPL-3.0-or-later
"""What administration reads: sessions with live counters, users, records, status. Pages fit into one message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from wolfguard.auth.lockout import ACCOUNT
from wolfguard.ipc import codec
from wolfguard.ipc.channel import Sender
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import (
    AskSessiondStatus,
    ListSessions,
    ListUsers,
    PolicyFact,
    ReadRecords,
    RecordBatch,
    SessiondStatus,
    SessionInfo,
    SessionTable,
    UserInfo,
    UserTable,
)
from wolfguard.ipc.messages import Message
from wolfguard.procs.sessiond.entitlement import Entitlement
from wolfguard.procs.sessiond.sessions import Session
from wolfguard.procs.sessiond.state import State
from wolfguard.store.interface import StoreError, User

PAGE_MAX: Final = 500
# Of codec.DATAGRAM_LIMIT, with room for the frame around the page.
PAGE_BYTES: Final = codec.DATAGRAM_LIMIT - 4096
WAIT_MAX: Final = 30
WAITING_READERS_MAX: Final = 64

M = TypeVar("M", bound=Message)


class Views:
    """Handlers of mgmtd's questions. `under_way` tells how many logins are being worked on, `accounting` what of
    accounting waits."""

    def __init__(self, state: State, under_way: Callable[[], int], accounting: Callable[[], tuple[Fact, ...]]) -> None:
        self._state = state
        self._under_way = under_way
        self._accounting = accounting
        self._readers = 0
        self._entitlement = Entitlement(state)

    async def sessions(self, message: ListSessions, sender: Sender) -> SessionTable:
        limit = max(1, min(message.limit, PAGE_MAX))
        page = self._state.sessions.page(message.after, limit + 1)
        infos = list(_fitting(self._session(session) for session in page[:limit]))
        more = len(infos) < len(page)
        return SessionTable(tuple(infos), infos[-1].session if more and infos else 0)

    async def users(self, message: ListUsers, sender: Sender) -> UserTable:
        """Errors: "store"."""
        limit = max(1, min(message.limit, PAGE_MAX))
        try:
            page = await self._state.store.users(message.after, limit + 1)
        except StoreError as error:
            raise IpcError("store", str(error)) from error
        infos = list(_fitting(self._user(user) for user in page[:limit]))
        more = len(infos) < len(page)
        return UserTable(tuple(infos), infos[-1].name if more and infos else "")

    async def records(self, message: ReadRecords, sender: Sender) -> RecordBatch:
        """Errors: "busy" when too many wait for new records already."""
        if self._readers >= WAITING_READERS_MAX:
            raise IpcError("busy", f"{self._readers} readers wait for records already; close one.")
        limit, wait = max(1, min(message.limit, PAGE_MAX)), max(0, min(message.wait, WAIT_MAX))
        self._readers += 1
        try:
            texts, last = await self._state.ledger.read(message.after, limit, wait)
        finally:
            self._readers -= 1
        fitting: list[str] = []
        room = PAGE_BYTES
        for text in texts:
            # Within a message the text is a JSON string: its quotes and escapes are escaped once more.
            room -= len(text) + text.count('"') + text.count("\\") + 3
            if room < 0 and fitting:
                break
            fitting.append(text)
        return RecordBatch(tuple(fitting), last)

    async def status(self, message: AskSessiondStatus, sender: Sender) -> SessiondStatus:
        state = self._state
        pools = tuple(
            Fact(use.prefix, f"{use.leased} leased, {use.resting} resting, of {use.size}")
            for use in state.pools.usage(state.clock())
        )
        facts = (
            Fact("state", "writable" if state.ledger.healthy else f"not writable: {_consequence(state)}"),
            Fact("records", _records(state)),
            Fact("records lost", str(state.ledger.lost)),
            Fact("checkpoints", state.checkpoints.fact()),
            Fact("routes", "reachable" if state.routes.reachable else "netd is not there: tunnels cannot be opened"),
            Fact("workers", str(len(state.workers))),
            Fact("logins under way", str(self._under_way())),
            *self._accounting(),
            *([Fact("orders refused", str(state.orders_refused))] if state.orders_refused else []),
        )
        return SessiondStatus(
            sessions=len(state.sessions),
            tunnels=state.sessions.tunnels(),
            pools=pools[:PAGE_MAX],
            records=state.ledger.last_record,
            facts=facts,
            not_approved=state.not_approved,
        )

    def _session(self, session: Session) -> SessionInfo:
        traffic = self._state.accounts.traffic(session)
        policy = self._entitlement.of_session(session)
        return SessionInfo(
            session=session.number,
            user=session.user,
            group=session.group,
            site=session.site,
            state=session.state,
            peer=session.peer.address if session.peer else "",
            user_agent=session.user_agent,
            hostname=session.hostname,
            ipv4=session.ipv4,
            ipv6=session.ipv6,
            slot=session.slot,
            tls=session.tls,
            datagram=session.datagram,
            created=session.created,
            connected=session.connected,
            expires=session.due(),
            received_bytes=traffic.received_bytes,
            sent_bytes=traffic.sent_bytes,
            received_packets=traffic.received_packets,
            sent_packets=traffic.sent_packets,
            policy=tuple(PolicyFact(*fact) for fact in policy.facts()) if policy is not None else (),
        )

    def _user(self, user: User) -> UserInfo:
        key = (ACCOUNT, user.name)
        row = self._state.guard.row(key)
        locked = self._state.guard.locked_until(key, self._state.clock())
        failures = row.consecutive if row is not None else 0
        return UserInfo(user.name, user.groups, locked, failures, user.created, user.last_login)


def _fitting(infos: Iterable[M]) -> Iterator[M]:
    """As many as one message holds, but at least one."""
    room = PAGE_BYTES
    for number, info in enumerate(infos):
        room -= len(codec.encode(info)) + 1
        if room < 0 and number:
            return
        yield info


def _consequence(state: State) -> str:
    return "logins are refused" if state.ledger.refusing else "service goes on without"


def _records(state: State) -> str:
    ledger = state.ledger
    if ledger.delivering:
        return "delivered"
    text = f"{ledger.waiting} waiting: their sink does not take them"
    return f"{text}; no more can wait: {_consequence(state)}" if ledger.crowded else text
