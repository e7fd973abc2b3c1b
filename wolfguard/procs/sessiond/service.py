# SPDX-License-Identifier: GPL-3.0-or-later
"""All of sessiond but its being a process: whom it answers, its loops and its clock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wolfguard.auth.backend import Backend
from wolfguard.auth.hashing import HashingThreads
from wolfguard.auth.local import METHOD, CheckPassword, LocalBackend, PasswordCheck
from wolfguard.auth.remote import RemoteBackend
from wolfguard.config import changes
from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.ipc.channel import Channel, Handler, Sender
from wolfguard.ipc.factors import HeldLost
from wolfguard.ipc.logins import LoginCancel, LoginStep, Logout
from wolfguard.ipc.management import (
    AddUser,
    AdminEvent,
    AskSessiondStatus,
    CopyState,
    Disconnect,
    ListSessions,
    ListUsers,
    NoteEvidence,
    ReadRecords,
    RemoveUser,
    SetPassword,
    UnlockUser,
)
from wolfguard.ipc.messages import Done, Message
from wolfguard.ipc.orders import OrderSessions, OrdersRefused
from wolfguard.ipc.tunnels import TunnelClosed, TunnelDatagram, TunnelOpen, WorkerEvent
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.administration import Administration
from wolfguard.procs.sessiond.assembly import assemble, open_store
from wolfguard.procs.sessiond.datagrams import Datagrams
from wolfguard.procs.sessiond.endings import STOPPED, USER_LEFT, end_session
from wolfguard.procs.sessiond.entitlement import Entitlement
from wolfguard.procs.sessiond.factors import Factors
from wolfguard.procs.sessiond.held import Held
from wolfguard.procs.sessiond.logins import Logins
from wolfguard.procs.sessiond.losses import Losses
from wolfguard.procs.sessiond.orders import Orders
from wolfguard.procs.sessiond.primitives import Primitives
from wolfguard.procs.sessiond.settings import Settings
from wolfguard.procs.sessiond.telling import Telling
from wolfguard.procs.sessiond.traffic import Counters
from wolfguard.procs.sessiond.tunnels import Tunnels
from wolfguard.procs.sessiond.views import Views
from wolfguard.records.schema import FAILURE, SUCCESS
from wolfguard.records.sinks import FileSink, open_sink
from wolfguard.secret import Secret
from wolfguard.store.interface import DropRests, RenewVerifier, StoreError

log = Log(__name__)

TICK_SECONDS: Final = 1.0
REST_SWEEP_SECONDS: Final = 600
REFUSE: Final = "refuse"
GOODBYE_SECONDS: Final = 3.0
LAST_REPORTS_SECONDS: Final = 5.0
"""For what servers are told of the end; what they have not confirmed by then waits for the next start."""


class Service:
    """Made before the process is confined: it opens the state file and the records' sink. Raises StartError.

    `areas` are the descriptors of the traffic counters, one a slot, which it takes over.
    """

    def __init__(
        self,
        configuration: Configuration,
        generation: int,
        areas: Sequence[int],
        primitives: Primitives,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not areas:
            raise StartError("no traffic counters came with the start; the supervisor is of another release")
        self._primitives = primitives
        self._swept = 0.0
        settings = Settings(configuration, generation)
        sink = open_sink(configuration.records.target, configuration.records.path)
        store = open_store(configuration.paths.state_file)
        self.state = assemble(settings, store, sink, Counters(areas), primitives, slots=len(areas), clock=clock)
        self.state.ledger.refusing = configuration.records.when_full == REFUSE
        self.losses = Losses(self._lost)
        self._hashing = HashingThreads(configuration.passwords.threads)
        # An administrator's new password does not queue behind a flood of logins.
        self._admin_hashing = HashingThreads(1)
        check = PasswordCheck(self.state.store.user, self._verify, self._renew)
        self.factors = Factors(configuration.backends)
        backends: dict[str, Backend] = {METHOD: LocalBackend()}
        for entry in configuration.backends:
            # Names of conversations are seen by processes that read the network: nothing is to be learnt from one.
            backends[entry.name] = RemoteBackend(
                entry.name, password=entry.password, names=lambda: primitives.random(16).hex()
            )
        self.logins = Logins(self.state, backends, {CheckPassword: check}, self.factors, primitives.random)
        self.held = Held(self.state)
        self.entitlement = Entitlement(self.state)
        self.orders = Orders(self.state, self.entitlement)
        self.tunnels = Tunnels(self.state)
        self.datagrams = Datagrams(self.state)
        self.administration = Administration(self.state, self._hash)
        self.telling = Telling(self.state)
        self.views = Views(self.state, lambda: len(self.logins.flows), self.telling.facts)
        self.state.ledger.record(
            "gateway.started",
            SUCCESS,
            where="sessiond",
            sessions=len(self.state.sessions),
            generation=generation,
        )

    async def serve(self, stopping: asyncio.Event) -> None:
        """Keeps state, records, routes and time going until `stopping`."""
        works = [
            asyncio.create_task(self.state.ledger.keep(), name="ledger"),
            asyncio.create_task(self.state.ledger.deliver(), name="records"),
            asyncio.create_task(self.state.routes.run(), name="routes"),
            asyncio.create_task(self.telling.run(), name="accounting"),
            asyncio.create_task(self._watch(), name="clock"),
            asyncio.create_task(stopping.wait(), name="stopping"),
        ]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                # None of these ends by itself: what ended one of them ends the process, and a fresh one starts.
                work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def stop(self, drain: bool) -> None:
        """The last records and flushes. `drain`: sessions outlive the stop; else they end with a goodbye."""
        if not drain:
            for session in tuple(self.state.sessions):
                end_session(self.state, session, STOPPED)
            if self.state.tasks:
                # Workers that are still there pass the goodbyes on.
                await asyncio.wait(self.state.tasks, timeout=GOODBYE_SECONDS)
            await self._last_reports()
        self.state.sum_up(all_of_them=True)
        self.state.ledger.record("gateway.stopped", SUCCESS, where="sessiond")
        await self.state.checkpoints.last()
        await self.state.ledger.close()
        self._hashing.close()
        self._admin_hashing.close()

    async def _last_reports(self) -> None:
        self.state.accounts.stopped()
        with contextlib.suppress(TimeoutError, StoreError):
            async with asyncio.timeout(LAST_REPORTS_SECONDS):
                await self.state.ledger.flushed()
                await self.telling.drained()

    def reconfigure(self, configuration: Configuration, generation: int) -> tuple[str, ...]:
        """Takes a new configuration; raises ConfigurationError and changes nothing."""
        old = self.state.settings.configuration
        settings = Settings(configuration, generation)
        self.state.pools.reconfigure(settings.prefixes(), settings.address_rest())
        self.state.settings.configuration, self.state.settings.generation = configuration, generation
        self.state.guard.limits = settings.lockout()
        self.logins.reconfigured()
        self.entitlement.reconfigured()
        self.state.ledger.refusing = configuration.records.when_full == REFUSE
        self.state.checkpoints.reconfigure(configuration.records)
        sink = self.state.ledger.sink
        if isinstance(sink, FileSink):
            sink.reopen()
        self.state.ledger.record("gateway.reconfigured", SUCCESS, where="sessiond", generation=generation)
        return changes.needs_restart(old, configuration)

    def weakened(self, names: Sequence[str]) -> None:
        """Parts of the confinement are missing, as the site allows."""
        self.state.ledger.record("gateway.weakened", SUCCESS, where="supervisor", names=",".join(names))

    def module_failed(self, process: str, stage: str, text: str) -> None:
        """The cryptographic module of a process failed and ended it."""
        ledger = self.state.ledger
        ledger.record("module.failed", FAILURE, where="supervisor", process=process, stage=stage, detail=text)

    # --- whom it answers ---------------------------------------------------------------------------------------------

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        """Handlers of what a process may ask."""
        if peer == "worker":
            return {
                LoginStep: self.logins.step,
                LoginCancel: self.logins.cancel,
                Logout: self.log_out,
                TunnelOpen: self.tunnels.open,
                TunnelClosed: self.tunnels.closed,
                TunnelDatagram: self.datagrams.told,
                WorkerEvent: self.worker_event,
            }
        if peer == "mgmtd":
            return {
                ListSessions: self.views.sessions,
                Disconnect: self.administration.disconnect,
                AddUser: self.administration.add_user,
                RemoveUser: self.administration.remove_user,
                SetPassword: self.administration.set_password,
                UnlockUser: self.administration.unlock_user,
                ListUsers: self.views.users,
                ReadRecords: self.views.records,
                NoteEvidence: self.administration.note_evidence,
                CopyState: self.administration.copy_state,
                AdminEvent: self.administration.admin_event,
                AskSessiondStatus: self.views.status,
            }
        if peer == "authd":
            return {OrderSessions: self.orders.order, OrdersRefused: self.orders.refused}
        return {HeldLost: self.held.lost} if peer == "pam" else {}

    def attached(self, peer: str, slot: int, channel: Channel) -> None:
        """A channel stands."""
        self.losses.attached(peer, slot)
        if peer == "worker":
            self.state.workers[slot] = channel
            # Not waited for: a worker that is slow to answer must not hold up the others' channels.
            self.state.spawn(self.tunnels.worker_attached(slot, channel), "worker-attached")
        elif peer == "netd":
            self.state.routes.attach(channel)
        else:
            self.factors.attach(peer, channel)
            self.telling.attach(peer, channel)
            if peer == "pam":
                self.held.attach(channel)

    def detached(self, peer: str, slot: int) -> None:
        """A channel has ended."""
        if peer == "worker":
            self.losses.channel_ended(peer, slot, self.tunnels.worker_lost(slot))
        elif peer == "netd":
            self.state.routes.detach()
            self.losses.channel_ended(peer, slot, 1)
        else:
            self.factors.detach(peer)
            self.telling.detach(peer)
            if peer == "pam":
                self.held.detach()

    def ended(self, peer: str, slot: int, asked: bool) -> None:
        """A process has ended."""
        if peer in ("worker", "netd"):
            self.losses.process_ended(peer, slot, asked)

    def _lost(self, peer: str, slot: int, count: int) -> None:
        if peer == "worker":
            self.state.ledger.record("worker.lost", FAILURE, where="sessiond", slot=slot, count=count)
        else:
            self.state.ledger.record("network.lost", FAILURE, where="sessiond", count=count, detail="")

    async def log_out(self, message: Logout, sender: Sender) -> Done:
        """Ends the session of a cookie; an unknown cookie has nothing to end."""
        cookie_hash = self.state.cookies.hash(message.cookie)
        session = self.state.sessions.by_cookie(cookie_hash) if cookie_hash else None
        if session is not None:
            end_session(self.state, session, USER_LEFT)
        return Done()

    async def worker_event(self, message: WorkerEvent, sender: Sender) -> None:
        """Something that only a worker saw."""
        self.state.refusal(
            "wire.refused",
            reason=message.reason,
            where=message.peer,
            count=max(1, message.count),
            what=message.event,
            detail=message.detail,
        )

    # --- the clock ---------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What the passing of time does; called every second."""
        now = self.state.clock()
        for session, reason in self.state.sessions.due(now):
            end_session(self.state, session, reason)
        self.logins.flows.forget(now)
        self.state.accounts.tick(now)
        for backend, reason, count in self.state.accounts.lost(now):
            self.state.ledger.record(
                "accounting.lost", FAILURE, where="sessiond", reason=reason, backend=backend, count=count
            )
        self.state.sum_up()
        self.state.ledger.watch()
        if self.state.checkpoints.due:
            self.state.spawn(self.state.checkpoints.make(), "checkpoint")
        if now - self._swept >= REST_SWEEP_SECONDS:
            self._swept = now
            if any(use.resting for use in self.state.pools.usage(now)):
                self.state.ledger.change(DropRests(int(now)))

    async def _watch(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TICK_SECONDS)

    async def _verify(self, password: Secret, verifier: str | None) -> bool:
        iterations = self.state.settings.configuration.passwords.iterations
        return await self._hashing.run(lambda: self._primitives.verify_password(password, verifier, iterations))

    async def _hash(self, password: Secret) -> str:
        iterations = self.state.settings.configuration.passwords.iterations
        return await self._admin_hashing.run(lambda: self._primitives.hash_password(password, iterations))

    def _renew(self, name: str, verifier: str, password: Secret) -> None:
        """A right password whose verifier was made with less work than now asked for is hashed anew."""
        iterations = self.state.settings.configuration.passwords.iterations

        async def renew() -> None:
            self.state.ledger.change(RenewVerifier(name, verifier, await self._hash(password)))

        if self._primitives.outdated(verifier, iterations):
            self.state.spawn(renew(), "renew-verifier")
