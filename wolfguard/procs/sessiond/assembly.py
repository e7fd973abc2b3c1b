# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts sessiond together from what a start gives it: state file, sink, counters, configuration, primitives.

Runs before the process is confined, with one thread; everything that can fail for want of a file fails here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from wolfguard.address.pools import Pools
from wolfguard.auth.lockout import Guard
from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.linux.boot import boot_id
from wolfguard.procs.sessiond.accounts import Accounts
from wolfguard.procs.sessiond.checkpoints import Checkpoints
from wolfguard.procs.sessiond.cookies import Cookies
from wolfguard.procs.sessiond.endings import host_routes
from wolfguard.procs.sessiond.entitlement import Entitlement
from wolfguard.procs.sessiond.ledger import DELIVERED, LOST, LOST_TOLD, Key, Ledger
from wolfguard.procs.sessiond.primitives import Primitives
from wolfguard.procs.sessiond.routes import Routes
from wolfguard.procs.sessiond.rows import (
    failure_change,
    restore_failures,
    restore_rests,
    restore_sessions,
    session_change,
)
from wolfguard.procs.sessiond.sequence import Sequence
from wolfguard.procs.sessiond.sessions import CONNECTED, Sessions
from wolfguard.procs.sessiond.settings import Settings
from wolfguard.procs.sessiond.state import State
from wolfguard.procs.sessiond.traffic import Counters
from wolfguard.records.schema import FAILURE, SUCCESS
from wolfguard.records.sinks import Sink
from wolfguard.records.trail import Trail
from wolfguard.store.interface import Change, DropRests, PutAccounting, PutValue, Store, StoreError
from wolfguard.store.sqlite import SqliteStore
from wolfguard.store.sqlite_copy import RESTORED


def open_store(path: str) -> SqliteStore:
    """The state file; raises StartError."""
    try:
        return SqliteStore(path)
    except StoreError as error:
        raise StartError(str(error)) from error


def assemble(
    settings: Settings,
    store: Store,
    sink: Sink,
    counters: Counters,
    primitives: Primitives,
    *,
    slots: int,
    clock: Callable[[], float] = time.time,
) -> State:
    """The working state as it was before, ready to serve; raises StartError."""
    try:
        snapshot = store.load()
    except StoreError as error:
        raise StartError(str(error)) from error
    values = dict(snapshot.values)
    numbers, epochs = Sequence("sessions", values.get("sessions", 0)), Sequence("epochs", values.get("epochs", 0))
    sessions = Sessions(counters.places)
    guard = Guard(settings.lockout())
    pools = Pools(settings.prefixes(), settings.address_rest())
    now = int(clock())
    lost = restore_sessions(
        sessions,
        pools,
        snapshot.sessions,
        slots=slots,
        places=counters.places,
        now=now,
        wait=settings.reconnect(),
    )
    restore_rests(pools, snapshot.rests)
    restore_failures(guard, snapshot.failures)
    trail = Trail(
        primitives.digest,
        ((row.number, row.text) for row in snapshot.records),
        values.get(DELIVERED, 0),
        values.get(LOST, 0),
        values.get(LOST_TOLD, 0),
    )
    _store_first(store, [numbers.change(), epochs.change(), DropRests(now)])
    for sequence in (numbers, epochs):
        sequence.durable(sequence.change().value)

    def state_of(key: Key) -> Change:
        return _change(key, sessions, guard, (numbers, epochs), ledger, accounts)

    def on_durable(change: Change) -> None:
        if isinstance(change, PutValue):
            for sequence in (numbers, epochs):
                if sequence.name == change.name:
                    sequence.durable(change.value)
        elif isinstance(change, PutAccounting):
            accounts.stored(change.row)

    ledger = Ledger(store, trail, sink, state_of, on_durable, clock)
    accounts = Accounts(settings.configuration.backends, sessions, counters, ledger.touch, clock)
    accounts.restore(snapshot.accounting, lost)
    if made := values.get(RESTORED, 0):
        ledger.record("gateway.restored", SUCCESS, where="sessiond", made=made)
        ledger.touch(("value", RESTORED))
    if trail.damage:
        ledger.record("records.damaged", FAILURE, where="sessiond", reason="chain", detail=trail.damage)
    routes = Routes(
        lambda: (route for session in sessions if session.state == CONNECTED for route in host_routes(session))
    )
    cookies = Cookies(primitives.random, primitives.digest)
    checkpoints = _checkpoints(
        settings.configuration, ledger, primitives, clock, [row.text for row in snapshot.records]
    )
    state = State(
        settings,
        sessions,
        pools,
        guard,
        ledger,
        checkpoints,
        routes,
        store,
        cookies,
        counters,
        accounts,
        numbers,
        epochs,
        clock,
    )
    entitlement = Entitlement(state)
    for session in sessions:
        entitlement.take(session)
    return state


def _checkpoints(
    configuration: Configuration,
    ledger: Ledger,
    primitives: Primitives,
    clock: Callable[[], float],
    tail: list[str],
) -> Checkpoints:
    public = configuration.own_keys.checkpoint
    notary = primitives.notary(public) if public and primitives.notary is not None else None
    return Checkpoints(ledger, notary, primitives.digest, clock, boot_id(), configuration.records, tail)


def _store_first(store: Store, changes: Iterable[Change]) -> None:
    try:
        store.apply_at_start(tuple(changes))
    except StoreError as error:
        raise StartError(str(error)) from error


def _change(
    key: Key, sessions: Sessions, guard: Guard, sequences: Iterable[Sequence], ledger: Ledger, accounts: Accounts
) -> Change:
    match key:
        case ("session", int(number)):
            return session_change(sessions, number)
        case ("failure", (str(kind), str(name))):
            return failure_change(guard, (kind, name))
        case ("accounting", int(number)):
            return accounts.change(number)
        case ("value", name):
            for sequence in sequences:
                if sequence.name == name:
                    return sequence.change()
            if name == RESTORED:
                return PutValue(RESTORED, 0)
            return ledger.losses() if name == LOST else ledger.delivered()
        case _:
            raise ValueError(f"nothing is stored under {key!r}")
