# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole sessiond in one loop: real store and sinks, and in place of the world a clock, counted random bytes, password
"hashing" that is a comparison, and channels that note what they are asked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from tests.unit.policy.profiles import profile
from wolfguard.config.site import Configuration, Group, Listener, Network, Paths, Records, Site, Timeouts
from wolfguard.ipc.channel import Channel, Sender
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.logins import LoginAnswer, LoginStep, Peer, TlsFacts
from wolfguard.ipc.management import Actor, AddUser
from wolfguard.ipc.messages import Done, Request
from wolfguard.ipc.routes import DropRoutes, ListRoutes, RouteTable, SetRoutes
from wolfguard.ipc.tunnels import EndTunnel, ListTunnels, LiveTunnel, LiveTunnels, TunnelGrant, TunnelOpen
from wolfguard.procs.sessiond.primitives import Primitives
from wolfguard.procs.sessiond.service import Service
from wolfguard.records.notary import Notary
from wolfguard.secret import Secret

T = TypeVar("T")

SLOTS = 2
PLACES = 64
ADMIN = Actor(0, "root", "admin")
OPERATOR = Actor(1000, "olga", "operator")
AUDITOR = Actor(1001, "otto", "auditor")
DATAGRAM_SUITES = ("TLS_PSK_WITH_AES_256_GCM_SHA384", "TLS_PSK_WITH_AES_128_GCM_SHA256")
TLS = TlsFacts(
    "TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp256r1", "ecdsa_secp256r1_sha256", True, "vpn.example.com", True
)
PASSWORD = b"correct horse battery"


def a_site(**changes: Any) -> Site:
    given: dict[str, Any] = {
        "name": "main",
        "groups": (Group("staff"),),
        "network": Network(ipv4_pool="10.99.0.0/24", ipv6_pool="2001:db8:99::/64", dns=("10.99.0.1",)),
        "timeouts": Timeouts(session=3600, reconnect=300, address_rest=60),
        "sessions_per_user": 2,
        "crypto": profile(suites_dtls12=DATAGRAM_SUITES),
        **changes,
    }
    return Site(**given)


def a_configuration(folder: Path, site: Site | None = None, **changes: Any) -> Configuration:
    given: dict[str, Any] = {
        "listeners": (Listener(),),
        "sites": (site or a_site(),),
        "records": Records("file", str(folder / "records.jsonl")),
        "paths": Paths(state=str(folder), run=str(folder)),
        **changes,
    }
    return Configuration(**given)


def peer(address: str = "192.0.2.1") -> Peer:
    return Peer(address, 40000, "198.51.100.1", 443)


class FakeChannel:
    """Answers like the process at the other end; `silent` makes every request fail."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.tunnels: tuple[LiveTunnel, ...] = ()
        self.routes: dict[str, Any] = {}
        self.silent = False
        self.closed = False
        self.gate: asyncio.Event | None = None

    async def request(self, message: Request, *, timeout: float = 10.0) -> Any:
        self.asked.append(message)
        if self.gate is not None:
            await self.gate.wait()
        if self.silent:
            raise IpcError("timeout", "no answer")
        match message:
            case ListTunnels(after, limit):
                later = [each for each in self.tunnels if each.session > after]
                page = tuple(later[:limit])
                return LiveTunnels(page, page[-1].session if len(later) > limit else 0)
            case ListRoutes():
                return RouteTable(tuple(self.routes.values()))
            case SetRoutes(routes):
                for route in routes:
                    standing = self.routes.get(route.network)
                    if standing is None or standing.epoch <= route.epoch:
                        self.routes[route.network] = route
            case DropRoutes(routes):
                for route in routes:
                    standing = self.routes.get(route.network)
                    if standing is not None and standing.epoch <= route.epoch:
                        del self.routes[route.network]
        return Done()

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.asked if isinstance(message, kind)]


class Rig:
    tls = TLS

    def __init__(
        self,
        folder: Path,
        configuration: Configuration,
        now: float = 1_000_000.0,
        notary: Callable[[str], Notary] | None = None,
    ) -> None:
        self.folder = folder
        self.configuration = configuration
        self.now = now
        self.notary = notary
        self.drawn = 0
        self.hashed = 0
        self.netd = FakeChannel()
        self.workers = [FakeChannel() for _ in range(SLOTS)]
        self.areas = [os.memfd_create(f"traffic{slot}") for slot in range(SLOTS)]
        for area in self.areas:
            os.ftruncate(area, PLACES * 64)
        self.child: Service

    # --- primitives --------------------------------------------------------------------------------------------------

    def _digest(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def _random(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")

    def _hash(self, password: Secret, iterations: int) -> str:
        return "v:" + password.reveal().decode()

    def _verify(self, password: Secret, verifier: str | None, iterations: int) -> bool:
        self.hashed += 1
        return verifier is not None and verifier.partition(":")[2].encode() == password.reveal()

    # --- life --------------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self, *, attach: bool = True, orderly: bool = True, goodbye: bool = False) -> AsyncIterator[Rig]:
        """One run of sessiond; `orderly` False: it dies without a word at the end."""
        copies = [os.dup(area) for area in self.areas]
        primitives = Primitives(
            self._digest,
            self._random,
            self._hash,
            self._verify,
            lambda verifier, _: verifier[:3] == "old",
            self.notary,
        )
        self.child = child = Service(self.configuration, 1, copies, primitives, lambda: self.now)
        stopping = asyncio.Event()
        serving = asyncio.create_task(child.serve(stopping))
        if attach:
            await self.attach_all()
        try:
            yield self
        finally:
            if orderly:
                await child.stop(drain=not goodbye)
            stopping.set()
            await serving
            for task in tuple(child.state.tasks):
                task.cancel()
            await asyncio.gather(*child.state.tasks, return_exceptions=True)
            if not orderly:
                await child.state.store.close()
                child.state.ledger.sink.close()
                child._hashing.close()
            child.state.counters.close()

    async def attach_all(self) -> None:
        self.child.attached("netd", 0, cast(Channel, self.netd))
        for slot, worker in enumerate(self.workers):
            self.child.attached("worker", slot, cast(Channel, worker))
        await self.settle()

    async def settle(self) -> None:
        """Returns when nothing is left to do but to wait for the world."""
        for _ in range(3):
            while self.child.state.tasks:
                await asyncio.gather(*self.child.state.tasks, return_exceptions=True)
                # since Python 3.12 that gives the loop no turn when all are done, and they are only struck off in one
                await asyncio.sleep(0)
            await self.child.state.ledger.flushed()
            await self.child.state.routes.send()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.child.tick()

    # --- what workers and mgmtd ask ----------------------------------------------------------------------------------

    async def ask(self, message: Any, process: str = "mgmtd", slot: int = 0) -> Any:
        handler: Callable[[Any, Sender], Awaitable[Any]] = self.child.handlers(process)[type(message)]
        return await handler(message, Sender(process, slot))

    async def add_user(self, name: str = "anna", groups: tuple[str, ...] = ()) -> None:
        await self.ask(AddUser(ADMIN, name, Secret(PASSWORD), groups))

    async def step(
        self,
        name: str | None = "anna",
        password: bytes = PASSWORD,
        *,
        flow: str = "",
        group: str = "",
        address: str = "192.0.2.1",
        slot: int = 0,
    ) -> LoginAnswer:
        fields: tuple[tuple[str, Secret], ...] = ()
        if name is not None:
            fields = (("username", Secret(name.encode())), ("password", Secret(password)))
        message = LoginStep(flow, "main", peer(address), TLS, "test client", group, fields)
        answer = await self.ask(message, "worker", slot)
        assert isinstance(answer, LoginAnswer)
        return answer

    async def log_in(self, name: str = "anna", **more: Any) -> Secret:
        answer = await self.step(name, **more)
        assert answer.state == "done", answer
        assert answer.cookie is not None
        return answer.cookie

    async def open(self, cookie: Secret, slot: int = 0, **changes: Any) -> TunnelGrant:
        message = TunnelOpen(cookie, "main", peer(), TLS, "test client", "laptop", 1500, 0, True, True)
        grant = await self.ask(replace(message, **changes), "worker", slot)
        assert isinstance(grant, TunnelGrant)
        return grant

    async def ended(self, slot: int) -> list[EndTunnel]:
        await self.settle()
        return self.workers[slot].of(EndTunnel)

    def records(self) -> list[dict[str, Any]]:
        """Everything durable so far."""
        texts, _ = self.child.state.ledger._trail.read(0, 100_000)
        return [json.loads(text) for text in texts]

    async def events(self, name: str) -> list[dict[str, Any]]:
        await self.settle()
        return [record for record in self.records() if record["event"] == name]


def drive(
    folder: Path,
    scene: Callable[[Rig], Coroutine[Any, Any, None]],
    configuration: Configuration | None = None,
) -> None:
    """Runs one scene in one run of sessiond."""

    async def run() -> None:
        async with Rig(folder, configuration or a_configuration(folder)).running() as rig:
            await scene(rig)

    asyncio.run(run())


@contextlib.asynccontextmanager
async def refused(code: str) -> AsyncIterator[None]:
    """The block must end in an IpcError of this code."""
    try:
        yield
    except IpcError as error:
        assert error.code == code, error  # noqa: PT017
    else:
        raise AssertionError(f"nothing was refused; expected {code}")
