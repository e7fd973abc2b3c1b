# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a worker: opens the data plane, lets clients in when it can serve them, and ends.

Owns the wiring and the pump of the data plane's events. It lets nobody in before sessiond and keyd can be asked: a
client that is accepted too early would be refused, one that waits in the listener's queue is not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from wolfguard.config.site import Configuration
from wolfguard.crypto.library import LibraryIdentity, identify, require_identified
from wolfguard.crypto.random import random_bytes
from wolfguard.engine import (
    Closed,
    Data,
    Event,
    Opened,
    Refused,
    TunnelClosed,
    TunnelDatagram,
    TunnelRekeyed,
    TunnelTimer,
)
from wolfguard.errors import LocalError, StartError
from wolfguard.ipc.channel import Channel, Handler, Sender
from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import AskWorkerStatus, Counter, WorkerStatus
from wolfguard.ipc.messages import Done, Message
from wolfguard.ipc.tunnels import EndTunnel, ListTunnels, LiveTunnels, SetRates
from wolfguard.procs.child import Child, Started
from wolfguard.procs.log import Log
from wolfguard.procs.worker import plane as shapes
from wolfguard.procs.worker.clients import Clients
from wolfguard.procs.worker.datagrams import Datagrams
from wolfguard.procs.worker.offers import Offers
from wolfguard.procs.worker.plane import DataPlane
from wolfguard.procs.worker.questions import Questions
from wolfguard.procs.worker.reports import REFUSED, Reports
from wolfguard.procs.worker.sessiond import Sessiond
from wolfguard.procs.worker.tunnels import Tunnels

EVENTS_A_TURN: Final = 256
REPORT_SECONDS: Final = 1.0
FAREWELL_SECONDS: Final = 2.0
_FAREWELL_STEP: Final = 0.02

log = Log(__name__)


class Worker(Child):
    """`plane` makes the data plane; `clock` gives Unix seconds; `library` looks at the cryptographic library; `random`
    gives as many bytes as asked for."""

    process: ClassVar[str] = "worker"

    def __init__(
        self,
        plane: Callable[[Started], DataPlane],
        clock: Callable[[], float] = time.time,
        library: Callable[[], LibraryIdentity] = identify,
        random: Callable[[int], bytes] = random_bytes,
    ) -> None:
        self._make_plane = plane
        self._clock = clock
        self._identify = library
        self._random = random
        self._signers: set[int] = set()
        self._servable = asyncio.Event()

    # --- life -------------------------------------------------------------------------------------------------------

    async def prepare(self, start: Started) -> None:
        self._library = require_identified(self._identify())
        configuration = start.configuration
        self._configuration = configuration
        self._reports = Reports()
        self._plane = self._make_plane(start)
        self._sessiond = Sessiond(configuration.limits.sessions)
        self._datagrams = Datagrams(self._sessiond, self._reports)
        self._tunnels = Tunnels(self._plane, self._sessiond, self._datagrams)
        self._clients = Clients(self._plane, self._sessiond, self._tunnels, self._reports)
        offers = Offers(configuration, start.slot, self._random)
        self._questions = Questions(self._sessiond, self._clients, offers, self._clock)
        self._clients.ask_through(self._questions)
        try:
            self._take_sites(configuration)
        except LocalError as error:
            raise StartError(str(error)) from error

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._plane.eventfd, self.pump)
        reporting = loop.create_task(self._report_now_and_then())
        opening = loop.create_task(self._open_when_servable())
        try:
            await self.stopping.wait()
        finally:
            for task in (opening, reporting):
                task.cancel()
            await asyncio.gather(opening, reporting, return_exceptions=True)
            loop.remove_reader(self._plane.eventfd)

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        """New sites for new connections. What the data plane took at its start waits for a restart."""
        before = self._configuration
        self._take_sites(started.configuration)
        self._configuration = started.configuration
        old, new = shapes.limits(before).native(), shapes.limits(started.configuration).native()
        changed = [f"limits.{name}" for name in sorted(new) if new[name] != old[name] and not name.endswith("_ms")]
        if before.handshake_threads != started.configuration.handshake_threads:
            changed.append("handshake_threads")
        return tuple(changed)

    async def stop(self, drain: bool) -> None:
        """`drain`: connections end without a word, so that clients come back with their cookies."""
        self._plane.stop_accepting()
        self._clients.lose_all()
        await self._questions.stop()
        if not drain:
            self._tunnels.end_all()
            await self._wait_for_farewells()
        self._plane.stop()
        self.pump()
        self._report()

    def _take_sites(self, configuration: Configuration) -> None:
        try:
            self._plane.set_sites([shapes.tls_site(site) for site in configuration.sites])
        except ValueError as error:
            raise LocalError(f"the TLS library cannot do what the configuration asks: {error}") from error
        self._clients.configure(configuration)

    async def _open_when_servable(self) -> None:
        await self._servable.wait()
        self._plane.start()
        log.info("serving", listeners=len(self._configuration.listeners))

    async def _wait_for_farewells(self) -> None:
        for _ in range(int(FAREWELL_SECONDS / _FAREWELL_STEP)):
            if not self._plane.tunnels():
                return
            await asyncio.sleep(_FAREWELL_STEP)

    # --- others -----------------------------------------------------------------------------------------------------

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        if peer == "sessiond":
            return {
                ListTunnels: self._list_tunnels,
                EndTunnel: self._end_tunnel,
                SetRates: self._set_rates,
            }
        if peer == "mgmtd":
            return {AskWorkerStatus: self._status}
        return {}

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        if peer == "sessiond":
            self._sessiond.attach(channel)
            self._look_whether_servable()

    async def detached(self, peer: str, slot: int) -> None:
        if peer == "sessiond":
            self._sessiond.detach()

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        self._plane.set_sign_channel(index, fd)
        self._signers.add(index)
        self._look_whether_servable()

    def _look_whether_servable(self) -> None:
        if self._sessiond.present and len(self._signers) >= self._configuration.handshake_threads:
            self._servable.set()

    async def _list_tunnels(self, message: ListTunnels, sender: Sender) -> LiveTunnels:
        return self._tunnels.page(message)

    async def _end_tunnel(self, message: EndTunnel, sender: Sender) -> Done:
        self._tunnels.end(message)
        return Done()

    async def _set_rates(self, message: SetRates, sender: Sender) -> Done:
        self._tunnels.set_rates(message)
        return Done()

    async def _status(self, message: AskWorkerStatus, sender: Sender) -> WorkerStatus:
        counters = {**self._plane.counters(), **self._reports.counters}
        facts = {**self._plane.facts(), **self._library.facts()}
        return WorkerStatus(
            tunnels=len(self._plane.tunnels()),
            connections=len(self._clients),
            counters=tuple(Counter(name, value) for name, value in sorted(counters.items())),
            facts=tuple(Fact(name, value) for name, value in sorted(facts.items())),
        )

    # --- the data plane's events ------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Takes what the data plane has to say; it rings again when more is left."""
        for event in self._plane.poll(EVENTS_A_TURN):
            try:
                self._take(event)
            except Exception:
                # One event that goes wrong must not take those behind it along, nor leave its client waiting.
                log.exception("event_failed", kind=type(event).__name__)
                if isinstance(event, Opened | Data):
                    self._plane.close(event.conn)

    def _take(self, event: Event) -> None:
        match event:
            case Data(conn, data):
                self._clients.received(conn, data)
            case Opened():
                self._clients.opened(event)
            case Closed(conn, reason):
                self._clients.closed(conn, reason)
            case Refused(address, reason, count):
                self._reports.add(REFUSED, address, reason, count)
            case TunnelClosed(session, epoch, reason, code, detail):
                self._tunnels.closed(session, epoch, reason, code, detail)
            case TunnelTimer(session, epoch, timer):
                self._tunnels.timer(session, epoch, timer)
            case TunnelDatagram():
                self._datagrams.happened(event)
            case TunnelRekeyed():
                pass

    async def _report_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._datagrams.turn()
            self._report()

    def _report(self) -> None:
        if self._sessiond.present:
            for event in self._reports.take():
                self._sessiond.notify(event)
