# SPDX-License-Identifier: GPL-3.0-or-later
"""A data plane and a sessiond for tests: they note what they are told and say what the test wants."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from tests.unit.policy.profiles import profile
from tests.unit.protocol.playbook import FORM as PROTOCOL_FORM
from wolfguard.config.site import Certificate, Configuration, Group, Limits, Listener, Site, Timeouts
from wolfguard.crypto.library import LibraryIdentity
from wolfguard.engine import Closed, Data, Event, Opened, Rates, TlsSite, Tunnel
from wolfguard.ipc.errors import IpcClosed
from wolfguard.ipc.logins import FormField, LoginAnswer, LoginForm, LoginStep, Logout, Peer, TlsFacts
from wolfguard.ipc.messages import Done, Message, Notice, Request
from wolfguard.ipc.tunnels import TunnelGrant, TunnelOpen, TunnelRates
from wolfguard.procs.child import Started
from wolfguard.procs.worker.process import Worker

PEER = Peer("192.0.2.7", 50000, "198.51.100.1", 443)
TLS = TlsFacts(
    "TLS 1.3", "TLS_AES_256_GCM_SHA384", "secp256r1", "ecdsa_secp256r1_sha256", True, "vpn.example.com", approved=True
)
NOW = 1_800_000_000.0
APP_ID = bytes(range(32))
"""Of slot 0 and the bytes that `random` gives."""
SUITES = ("TLS_PSK_WITH_AES_256_GCM_SHA384", "TLS_PSK_WITH_AES_128_GCM_SHA256")
LIBRARY = LibraryIdentity("5.9.2", "/lib/libwolfssl.so.45", "ab" * 32, "a source", "none", "This is a test.", "")

FORM = LoginForm(
    PROTOCOL_FORM.auth_id,
    PROTOCOL_FORM.message,
    PROTOCOL_FORM.error,
    PROTOCOL_FORM.banner,
    tuple(FormField(each.name, each.kind, each.label, each.value, each.choices) for each in PROTOCOL_FORM.fields),
)
GRANT = TunnelGrant(
    session=7,
    epoch=3,
    index=2,
    user="alice",
    group="staff",
    ipv4="10.99.0.5",
    ipv4_netmask="255.255.255.255",
    ipv6="fd99::5",
    ipv6_prefix=128,
    mtu=1390,
    dns=("10.99.0.1",),
    nbns=(),
    default_domain="",
    split_include=(),
    split_exclude=(),
    split_dns=(),
    routed=("10.8.0.0/16", "fd08::/64"),
    banner="",
    dpd=90,
    keepalive=300,
    rekey=6400,
    idle_timeout=600,
    session_timeout=3600,
    expires=int(NOW) + 1800,
    reconnect=300,
    rates=TunnelRates(1000, 65536, 2000, 131072),
)


def opened(conn: int, site: str = "main") -> Opened:
    return Opened(
        conn=conn,
        peer=PEER.address,
        port=PEER.port,
        local=PEER.local_address,
        local_port=PEER.local_port,
        site=site,
        server_name=TLS.server_name,
        version=TLS.version,
        suite=TLS.suite,
        group=TLS.group,
        signature=TLS.signature,
        extended_master_secret=TLS.extended_master_secret,
    )


def site(name: str = "main", **changes: Any) -> Site:
    crypto = profile(
        name="fips-hybrid",
        versions=("1.3", "1.2"),
        suites_tls12=("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",),
        suites_dtls12=SUITES,
        groups=("SecP256r1MLKEM768", "secp256r1"),
    )
    return Site(
        name=name,
        server_names=("vpn.example.com",),
        certificates=(Certificate("cert.pem", "key.pem", 0, "-----BEGIN CERTIFICATE-----\n"),),
        groups=(Group("staff", "Staff people"), Group("guests", "Guests")),
        timeouts=Timeouts(reconnect=300),
        crypto=crypto,
        **changes,
    )


def configuration(limits: Limits | None = None, *sites: Site) -> Configuration:
    return Configuration(
        listeners=(Listener(),), sites=sites or (site(),), handshake_threads=2, limits=limits or Limits()
    )


def started(given: Configuration | None = None, generation: int = 1) -> Started:
    return Started(
        slot=0, slots=1, generation=generation, configuration=given or configuration(), descriptors={"listener": []}
    )


class FakePlane:
    """Notes calls as tuples; `say` puts events where `poll` finds them."""

    def __init__(self) -> None:
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.calls: list[tuple[object, ...]] = []
        self.sites: Sequence[TlsSite] = ()
        self.alive: list[tuple[int, int]] = []
        self.refuse_sites = ""
        self.refuse_tunnels = ""
        self._events: list[Event] = []

    def say(self, *events: Event) -> None:
        self._events.extend(events)
        os.eventfd_write(self.eventfd, 1)

    def took(self, name: str) -> list[tuple[object, ...]]:
        return [call for call in self.calls if call[0] == name]

    def answers(self, conn: int) -> list[str]:
        return [str(call[2]) for call in self.took("write") if call[1] == conn]

    def set_sites(self, sites: Sequence[TlsSite]) -> None:
        if self.refuse_sites:
            raise ValueError(self.refuse_sites)
        self.sites = sites

    def set_sign_channel(self, thread: int, fd: int) -> None:
        self.calls.append(("set_sign_channel", thread, fd))

    def start(self) -> None:
        self.calls.append(("start",))

    def stop_accepting(self) -> None:
        self.calls.append(("stop_accepting",))

    def stop(self) -> None:
        self.calls.append(("stop",))

    def poll(self, limit: int) -> Sequence[Event]:
        events, self._events = self._events[:limit], self._events[limit:]
        if not self._events and events:
            os.eventfd_read(self.eventfd)
        return events

    def read(self, conn: int) -> None:
        self.calls.append(("read", conn))

    def write(self, conn: int, data: bytes, *, close: bool) -> None:
        self.calls.append(("write", conn, data.decode(), close))

    def close(self, conn: int) -> None:
        self.calls.append(("close", conn))

    def authenticated(self, conn: int) -> None:
        self.calls.append(("authenticated", conn))

    def start_tunnel(self, conn: int, head: bytes, tunnel: Tunnel) -> None:
        if self.refuse_tunnels:
            raise ValueError(self.refuse_tunnels)
        self.calls.append(("start_tunnel", conn, head, tunnel))

    def set_rates(self, session: int, epoch: int, rates: Rates) -> None:
        self.calls.append(("set_rates", session, epoch, rates))

    def end_tunnel(self, session: int, epoch: int, bye: bytes | None) -> None:
        self.calls.append(("end_tunnel", session, epoch, bye))
        if (session, epoch) in self.alive:
            self.alive.remove((session, epoch))

    def tunnels(self) -> list[tuple[int, int]]:
        return list(self.alive)

    def counters(self) -> dict[str, int]:
        return {"accepted": 5}

    def facts(self) -> dict[str, str]:
        return {"gso": "on"}


Answer = Callable[[Any], Any]


class FakeSessiond:
    """Answers with what `answers` holds for the type of a request: a reply, an exception, or a future of either."""

    def __init__(self) -> None:
        self.closed = False
        self.asked: list[Message] = []
        self.told: list[Notice] = []
        self.answers: dict[type[Request], Any] = {
            LoginStep: LoginAnswer("form", "flow1", form=FORM),
            TunnelOpen: GRANT,
            Logout: Done(),
        }

    async def request(self, message: Request, *, timeout: float) -> Any:
        if self.closed:
            raise IpcClosed
        self.asked.append(message)
        answer = self.answers[type(message)]
        if isinstance(answer, asyncio.Future):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def notify(self, message: Notice) -> None:
        if self.closed:
            raise IpcClosed
        self.told.append(message)


class Stage:
    """A worker between a fake data plane and a fake sessiond, in a running loop: `async with Stage() as stage`."""

    def __init__(self, given: Configuration | None = None) -> None:
        self.plane = FakePlane()
        self.sessiond = FakeSessiond()
        self.worker = Worker(
            lambda start: self.plane, clock=lambda: NOW, library=lambda: LIBRARY, random=lambda count: APP_ID[-count:]
        )
        self._configuration = given
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stage:
        self.worker.stopping = asyncio.Event()
        await self.worker.prepare(started(self._configuration))
        self._serving = asyncio.create_task(self.worker.serve())
        await self.settle()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.worker.stopping.set()
        if self._serving is not None:
            await self._serving
        os.close(self.plane.eventfd)

    async def attach(self) -> None:
        """sessiond and both signers are there."""
        await self.worker.attached("sessiond", 0, self.sessiond)  # type: ignore[arg-type]
        for index in range(2):
            await self.worker.attached_raw("keyd", 0, index, 100 + index)
        await self.settle()

    async def say(self, *events: Event) -> None:
        self.plane.say(*events)
        await self.settle()

    async def client(self, conn: int, *data: bytes) -> None:
        """A client comes and speaks."""
        await self.say(opened(conn), *(Data(conn, each) for each in data))

    async def lose(self, conn: int, reason: str = "closed_by_peer") -> None:
        await self.say(Closed(conn, reason))

    async def settle(self) -> None:
        """Lets everything that can run now run: enough turns for pump, question and answer."""
        for _ in range(10):
            await asyncio.sleep(0)
