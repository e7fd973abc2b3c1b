# SPDX-License-Identifier: GPL-3.0-or-later
"""The working state as rows of the store, and back after a restart."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar

from wolfguard.address.pool import Rest
from wolfguard.address.pools import Pools
from wolfguard.auth import grant
from wolfguard.auth.lockout import Failures, Guard
from wolfguard.errors import PeerError
from wolfguard.ipc import codec
from wolfguard.ipc.logins import Peer, TlsFacts
from wolfguard.ipc.messages import Message
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond import account
from wolfguard.procs.sessiond.sessions import CONNECTED, FRESH, NO_SLOT, WAITING, Session, Sessions
from wolfguard.store.interface import (
    Change,
    DropFailure,
    DropSession,
    FailureRow,
    PutFailure,
    PutSession,
    RestRow,
    SessionRow,
)

log = Log(__name__)
M = TypeVar("M", bound=Message)


def session_change(sessions: Sessions, number: int) -> Change:
    """What to store about a session now."""
    session = sessions.get(number)
    if session is None:
        return DropSession(number)
    facts = {
        "peer": codec.to_json(session.peer) if session.peer else None,
        "tls": codec.to_json(session.tls) if session.tls else None,
        "user_agent": session.user_agent,
        "hostname": session.hostname,
        "mtu": session.mtu,
        "notice": session.notice,
    }
    return PutSession(
        SessionRow(
            session.number,
            session.cookie_hash,
            session.user,
            session.group,
            session.site,
            session.ipv4,
            session.ipv6,
            session.place,
            session.slot,
            session.epoch,
            session.created,
            session.connected,
            session.deadline,
            session.expires,
            json.dumps(facts),
            grant.to_json(session.grant),
            account.to_json(session.account),
        )
    )


def failure_change(guard: Guard, key: tuple[str, str]) -> Change:
    """What to store about an account's or a source's failures now."""
    row = guard.row(key)
    if row is None:
        return DropFailure(*key)
    return PutFailure(FailureRow(*key, row.known, row.count, row.window_start, row.locked_until, row.consecutive))


def restore_failures(guard: Guard, rows: Iterable[FailureRow]) -> None:
    guard.restore(
        (
            (row.kind, row.key),
            Failures(row.count, row.window_start, row.locked_until, row.consecutive, row.known),
        )
        for row in rows
    )


def restore_rests(pools: Pools, rows: Iterable[RestRow]) -> None:
    pools.restore_rest(Rest(row.address, row.owner, row.until) for row in rows)


def restore_sessions(
    sessions: Sessions, pools: Pools, rows: Iterable[SessionRow], *, slots: int, places: int, now: int, wait: int
) -> list[Session]:
    """Takes sessions back; returns those that cannot be (their rows are to be dropped).

    A tunnel that a worker may still carry stays connected until that worker has been heard; one of a slot that no
    longer exists waits `wait` seconds for its client.
    """
    lost: list[Session] = []
    for row in rows:
        session = _session(row)
        if session.state == CONNECTED and session.slot >= slots:
            session.state, session.slot, session.deadline = WAITING, NO_SLOT, now + wait
        addresses = [address for address in (row.ipv4, row.ipv6) if address]
        # An address outside all pools (the site file changed meanwhile) cannot collide with anybody's.
        taken = [address for address in addresses if pools.owned_by_other(address, row.user)]
        if row.place >= places or taken:
            log.error("session_not_restored", session=row.session, place=row.place, taken=",".join(taken))
            lost.append(session)
            continue
        for address in addresses:
            pools.claim(address, row.user)
        sessions.add(session)
    sessions.restore_places()
    return lost


def _session(row: SessionRow) -> Session:
    try:
        facts = json.loads(row.facts)
        facts = facts if isinstance(facts, dict) else {}
    except ValueError:
        facts = {}
    state = CONNECTED if row.slot != NO_SLOT else WAITING if row.connected else FRESH
    return Session(
        number=row.session,
        cookie_hash=row.cookie_hash,
        user=row.user,
        group=row.group,
        site=row.site,
        place=row.place,
        created=row.created,
        expires=row.expires,
        deadline=row.deadline,
        state=state,
        slot=row.slot,
        epoch=row.epoch,
        connected=row.connected,
        ipv4=row.ipv4,
        ipv6=row.ipv6,
        mtu=_number(facts.get("mtu")),
        confirmed=False,
        notice=str(facts.get("notice", "")),
        user_agent=str(facts.get("user_agent", "")),
        hostname=str(facts.get("hostname", "")),
        peer=_message(Peer, facts.get("peer")),
        tls=_message(TlsFacts, facts.get("tls")),
        grant=grant.from_json(row.granted),
        account=_account(row),
    )


def _account(row: SessionRow) -> account.Account | None:
    try:
        return account.from_json(row.accounting)
    except PeerError:
        log.error("accounting_not_restored", session=row.session)
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _message(kind: type[M], value: object) -> M | None:
    """Facts for display; another version may have had other fields, then there are none."""
    if value is None:
        return None
    try:
        return codec.from_json(kind, value)
    except PeerError:
        return None
