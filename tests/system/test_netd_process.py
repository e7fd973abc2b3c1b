# SPDX-License-Identifier: GPL-3.0-or-later
"""netd's messages, as sessiond and mgmtd send them, on real devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.system import packets
from tests.system.netd_ground import CLIENT4, CLIENT6, UPSTREAM4, Ground, configuration, run, snapshot
from wolfguard.config.site import Firewall, Network
from wolfguard.ipc.management import AskNetdStatus, NetdStatus
from wolfguard.ipc.messages import Done, Message, Reply
from wolfguard.ipc.routes import DropRoutes, HostRoute, ListRoutes, RouteTable, SetRoutes
from wolfguard.procs.child import IpcError, Sender, Started
from wolfguard.procs.netd.process import Netd

R = TypeVar("R", bound=Reply)


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class Running:
    """A prepared netd, without its channels."""

    def __init__(self, ground: Ground, loop: asyncio.Runner) -> None:
        self.netd = Netd()
        self.netd.stopping = asyncio.Event()
        self._loop = loop
        loop.run(self.netd.prepare(Started(0, 0, 1, configuration(), {"tun": ground.open_tuns(2)})))

    def ask(self, peer: str, message: Message, kind: type[R]) -> R:
        handler = self.netd.handlers(peer)[type(message)]

        async def answered() -> Reply | None:
            return await handler(message, Sender(peer, 0))

        answer = self._loop.run(answered())
        assert isinstance(answer, kind)
        return answer


@pytest.fixture
def running(ground: Ground, loop: asyncio.Runner) -> Iterator[Running]:
    made = Running(ground, loop)
    yield made
    made.netd.close()


def route(network: str, slot: int = 0, mtu: int = 1400, epoch: int = 1) -> HostRoute:
    return HostRoute(network, slot, mtu, epoch)


def test_routes_are_set_listed_and_dropped(running: Running) -> None:
    routes = (route(f"{CLIENT4}/32"), route(f"{CLIENT6}/128", slot=1))
    assert running.ask("sessiond", SetRoutes(routes), Done) == Done()
    assert running.ask("sessiond", ListRoutes(), RouteTable).routes == routes
    running.ask("sessiond", SetRoutes((route(CLIENT4, slot=1, epoch=0),)), Done)
    assert running.ask("sessiond", ListRoutes(), RouteTable).routes == routes, "an older epoch won"
    assert f"{CLIENT4} dev vpn0 proto 119 scope link mtu 1400" in run("ip", "route").replace("  ", " ")
    running.ask("sessiond", DropRoutes((route(CLIENT4, mtu=0), route("10.99.0.250"))), Done)
    assert running.ask("sessiond", ListRoutes(), RouteTable).routes == routes[1:]
    assert CLIENT4 not in run("ip", "route")


def test_routes_come_in_pages(running: Running) -> None:
    everything = [route(f"10.99.1.{number}/32") for number in range(10)] + [route(f"{CLIENT6}/128")]
    running.ask("sessiond", SetRoutes(tuple(reversed(everything))), Done)
    found: list[HostRoute] = []
    after = ""
    while True:
        page = running.ask("sessiond", ListRoutes(after, 4), RouteTable)
        assert len(page.routes) <= 4
        found += page.routes
        if not page.next:
            break
        after = page.next
    assert found == everything


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (route("10.99.0.300"), "invalid"),
        (route("10.99.0.7/16"), "invalid"),
        (route("vpn0; drop"), "invalid"),
        (route(CLIENT4, mtu=0), "invalid"),
        (route(CLIENT4, mtu=65536), "invalid"),
        (route(CLIENT4, epoch=-1), "invalid"),
        (route(CLIENT4, epoch=1 << 63), "invalid"),
        (route(CLIENT4, slot=2), "refused"),
        (route("0.0.0.0/0"), "refused"),
    ],
)
def test_a_bad_route_is_answered(running: Running, bad: HostRoute, code: str) -> None:
    with pytest.raises(IpcError) as refusal:
        running.ask("sessiond", SetRoutes((route("10.99.0.9"), bad)), Done)
    assert refusal.value.code == code
    good = () if code == "invalid" else (route("10.99.0.9/32"),)
    assert running.ask("sessiond", ListRoutes(), RouteTable).routes == good


def test_a_route_that_the_kernel_refuses_is_answered(running: Running) -> None:
    run("ip", "link", "delete", "vpn1")
    with pytest.raises(IpcError, match=r"cannot route 10\.99\.0\.9/32"):
        running.ask("sessiond", SetRoutes((route(CLIENT4), route("10.99.0.9", slot=1))), Done)
    assert running.ask("sessiond", ListRoutes(), RouteTable).routes == (route(f"{CLIENT4}/32"),)


def test_status_says_what_is_observed(ground: Ground, running: Running) -> None:
    running.ask("sessiond", SetRoutes((route(CLIENT4),)), Done)
    ground.from_client(1, packets.udp(CLIENT4, UPSTREAM4, b"spoofed"))
    status = running.ask("mgmtd", AskNetdStatus(), NetdStatus)
    facts = {fact.name: fact.value for fact in status.facts}
    assert status.routes == 1
    assert facts["device.vpn0"].startswith("mtu 1400, vnet header 12, offloads csum tso4 tso6")
    assert facts["pool.10.99.0.0/16"] == facts["pool.fd99::/64"] == "unreachable but for leases"
    assert facts["firewall"] == "loaded"
    assert facts["firewall.spoofed_by_client"] == "1 packets, 35 bytes"
    assert facts["forwarding.ipv4"] == "on (by the gateway)"

    run("nft", "flush", "ruleset")
    run("ip", "route", "delete", "unreachable", "10.99.0.0/16")
    status = running.ask("mgmtd", AskNetdStatus(), NetdStatus)
    facts = {fact.name: fact.value for fact in status.facts}
    assert facts["firewall"].startswith("NOT")
    assert facts["pool.10.99.0.0/16"].startswith("NOT")


def test_nobody_else_is_answered(running: Running) -> None:
    assert [dict(running.netd.handlers(peer)) for peer in ("worker", "authd", "pam", "keyd")] == [{}] * 4
    assert AskNetdStatus not in running.netd.handlers("sessiond")
    assert SetRoutes not in running.netd.handlers("mgmtd")


def test_reload(running: Running, loop: asyncio.Runner) -> None:
    changed = configuration(Firewall(), Network(ipv4_pool="10.50.0.0/16", ipv6_pool=""))
    assert loop.run(running.netd.reconfigure(Started(0, 0, 2, changed, {}))) == ()
    assert running.ask("sessiond", SetRoutes((route("10.50.0.9"),)), Done) == Done()


def test_serving_ends_with_stopping(running: Running, loop: asyncio.Runner) -> None:
    async def serve() -> None:
        serving = asyncio.create_task(running.netd.serve())
        await asyncio.sleep(0)
        running.netd.stopping.set()
        await serve_within(serving)

    async def serve_within(serving: asyncio.Task[None]) -> None:
        async with asyncio.timeout(10):
            await serving

    loop.run(serve())


@pytest.mark.parametrize("drain", [False, True])
def test_stop(ground: Ground, loop: asyncio.Runner, drain: bool) -> None:
    before = snapshot()
    running = Running(ground, loop)
    running.ask("sessiond", SetRoutes((route(CLIENT4),)), Done)
    installed = snapshot()
    loop.run(running.netd.stop(drain=drain))
    assert snapshot() == (installed if drain else before)
    running.netd.close()
