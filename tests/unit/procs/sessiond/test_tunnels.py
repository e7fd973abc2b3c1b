# SPDX-License-Identifier: GPL-3.0-or-later
"""CONNECT: grants, reconnects, losses, ends, full pools."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive, refused
from wolfguard.config.site import Banner, Network, Timeouts
from wolfguard.ipc.logins import Logout
from wolfguard.ipc.routes import SetRoutes
from wolfguard.ipc.tunnels import LiveTunnel, TunnelClosed
from wolfguard.secret import Secret


def test_a_tunnel_is_granted_when_its_routes_stand(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        assert grant.ipv4.startswith("10.99.0.")
        assert grant.ipv6.startswith("2001:db8:99:")
        assert (grant.ipv4_netmask, grant.ipv6_prefix, grant.mtu) == ("255.255.255.255", 128, 1390)
        assert (grant.user, grant.dns, grant.session_timeout) == ("anna", ("10.99.0.1",), 3600)
        routes = rig.netd.routes
        assert set(routes) == {f"{grant.ipv4}/32", f"{grant.ipv6}/128"}
        assert {(route.slot, route.epoch, route.mtu) for route in routes.values()} == {(0, grant.epoch, grant.mtu)}
        (opened,) = await rig.events("tunnel.opened")
        assert (opened["who"], opened["where"]) == ("anna", "192.0.2.1")
        assert not opened["fields"]["reconnect"]

    drive(tmp_path, scene)


def test_a_reconnect_on_another_worker_keeps_addresses_and_replaces_the_old_tunnel_silently(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        first = await rig.open(cookie, 0)
        rig.now += 1000
        second = await rig.open(cookie, 1)
        assert (second.ipv4, second.ipv6, second.session) == (first.ipv4, first.ipv6, first.session)
        assert second.epoch > first.epoch
        assert (second.expires, second.session_timeout) == (first.expires, 2600), "a reconnect does not prolong it"
        (order,) = await rig.ended(0)
        assert (order.epoch, order.bye) == (first.epoch, False)
        assert {route.slot for route in rig.netd.routes.values()} == {1}
        # The old tunnel's end says nothing about the session, whoever reports it.
        await rig.ask(TunnelClosed(first.session, first.epoch, "replaced", True), "worker", 0)
        await rig.ask(TunnelClosed(first.session, second.epoch, "lie", True), "worker", 0)
        assert len(rig.child.state.sessions) == 1

    drive(tmp_path, scene)


def test_only_what_is_asked_for_and_configured_is_given(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        four = await rig.open(cookie, want_ipv6=False)
        assert (four.ipv4 != "", four.ipv6, four.ipv6_prefix) == (True, "", 0)
        small = await rig.open(cookie, mtu=1000)
        assert (small.ipv6, small.mtu) == ("", 1000), "IPv6 needs 1280"
        async with refused("denied"):
            await rig.open(cookie, want_ipv4=False, want_ipv6=False)

    drive(tmp_path, scene)


@pytest.mark.parametrize("cookie", [b"", b"x" * 43, b"A" * 42, b"A" * 4000, b"\xff" * 43])
def test_cookies_that_are_none_are_refused(tmp_path: Path, cookie: bytes) -> None:
    async def scene(rig: Rig) -> None:
        async with refused("cookie"):
            await rig.open(Secret(cookie))
        (record,) = await rig.events("tunnel.refused")
        assert (record["reason"], record["where"]) == ("cookie", "192.0.2.1")

    drive(tmp_path, scene)


def test_a_cookie_of_another_site_is_refused(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        async with refused("cookie"):
            await rig.open(await rig.log_in(), site="other")

    drive(tmp_path, scene)


def test_a_full_pool_is_said_and_recorded_and_leaks_nothing(tmp_path: Path) -> None:
    site = a_site(network=Network(ipv4_pool="10.99.0.0/24", ipv6_pool="2001:db8:99::/124"), sessions_per_user=0)

    async def scene(rig: Rig) -> None:
        for number in range(15):
            await rig.add_user(f"user{number}")
        cookies = [await rig.log_in(f"user{number}", address=f"192.0.2.{number + 1}") for number in range(15)]
        for cookie in cookies[:14]:
            await rig.open(cookie)
        async with refused("busy"):
            await rig.open(cookies[14])
        assert [use.leased for use in rig.child.state.pools.usage(rig.now)] == [14, 14]
        (full,) = await rig.events("pool.exhausted")
        assert full["fields"]["pool"] == "2001:db8:99::/124"
        assert (await rig.open(cookies[14], want_ipv6=False)).ipv4

    drive(tmp_path, scene, a_configuration(tmp_path, site))


def test_a_lost_tunnel_waits_for_its_client_and_then_ends(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie)
        await rig.ask(TunnelClosed(grant.session, grant.epoch, "reset", False), "worker", 0)
        rig.pass_time(299)
        again = await rig.open(cookie, 1)
        assert again.ipv4 == grant.ipv4
        await rig.ask(TunnelClosed(again.session, again.epoch, "reset", False), "worker", 1)
        rig.pass_time(300)
        async with refused("cookie"):
            await rig.open(cookie)
        (ended,) = await rig.events("session.ended")
        assert (ended["reason"], ended["fields"]["ipv4"]) == ("not-reconnected", grant.ipv4)
        assert rig.netd.routes == {}

    drive(tmp_path, scene)


@pytest.mark.parametrize(
    ("reason", "left", "recorded"),
    [("bye", True, "user-left"), ("idle", False, "idle-timeout"), ("expired", False, "session-timeout")],
)
def test_ends_that_are_for_good(tmp_path: Path, reason: str, left: bool, recorded: str) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie)
        await rig.ask(TunnelClosed(grant.session, grant.epoch, reason, left), "worker", 0)
        async with refused("cookie"):
            await rig.open(cookie)
        (ended,) = await rig.events("session.ended")
        assert ended["reason"] == recorded

    drive(tmp_path, scene)


def test_a_logout_kills_the_cookie_and_the_tunnel(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie)
        await rig.ask(Logout(cookie), "worker", 1)
        await rig.ask(Logout(cookie), "worker", 1)
        async with refused("cookie"):
            await rig.open(cookie)
        (order,) = await rig.ended(0)
        assert (order.session, order.bye) == (grant.session, True)
        assert rig.netd.routes == {}

    drive(tmp_path, scene)


def test_the_session_timeout_is_absolute_and_says_goodbye(tmp_path: Path) -> None:
    site = a_site(timeouts=Timeouts(session=600, reconnect=300))

    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        for _ in range(3):
            rig.pass_time(190)
            await rig.open(cookie)
        rig.now += 30
        async with refused("cookie"):
            await rig.open(cookie)
        rig.pass_time(0)
        orders = await rig.ended(0)
        assert orders[-1].bye
        assert "time limit" in orders[-1].text
        (ended,) = await rig.events("session.ended")
        assert (ended["reason"], ended["fields"]["seconds"]) == ("session-timeout", 600)

    drive(tmp_path, scene, a_configuration(tmp_path, site))


def test_a_cookie_that_nobody_uses_dies(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        rig.pass_time(300)
        async with refused("cookie"):
            await rig.open(cookie)
        (ended,) = await rig.events("session.ended")
        assert ended["reason"] == "cookie-unused"

    drive(tmp_path, scene)


def test_without_netd_a_tunnel_is_busy_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        rig.netd.silent = True
        async with refused("busy"):
            await rig.open(cookie)
        rig.netd.silent = False
        rig.child.detached("netd", 0)
        rig.child.ended("netd", 0, asked=False)
        await rig.attach_all()
        grant = await rig.open(cookie)
        assert set(rig.netd.routes) == {f"{grant.ipv4}/32", f"{grant.ipv6}/128"}
        assert len(await rig.events("network.lost")) == 1

    drive(tmp_path, scene)


def test_a_restarted_netd_gets_what_is_missing_and_loses_what_is_too_much(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        rig.child.detached("netd", 0)
        stale = rig.netd.routes.pop(f"{grant.ipv4}/32")
        rig.netd.routes["10.99.0.200/32"] = stale.__class__("10.99.0.200/32", 1, 1400, 1)
        await rig.attach_all()
        assert set(rig.netd.routes) == {f"{grant.ipv4}/32", f"{grant.ipv6}/128"}

    drive(tmp_path, scene)


def test_routes_gather_while_one_request_is_under_way(tmp_path: Path) -> None:
    site = a_site(sessions_per_user=0)

    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookies = [await rig.log_in() for _ in range(30)]
        before = len(rig.netd.of(SetRoutes))
        rig.netd.gate = asyncio.Event()
        opening = [asyncio.create_task(rig.open(cookie)) for cookie in cookies]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rig.netd.gate.set()
        grants = await asyncio.gather(*opening)
        assert len({grant.ipv4 for grant in grants}) == 30
        assert len(rig.netd.of(SetRoutes)) - before <= 3

    drive(tmp_path, scene, a_configuration(tmp_path, site))


def test_a_session_that_ends_while_its_tunnel_is_prepared_gets_none(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        rig.netd.gate = asyncio.Event()
        opening = asyncio.create_task(rig.open(cookie))
        while not rig.netd.of(SetRoutes):
            await asyncio.sleep(0)
        await rig.ask(Logout(cookie), "worker", 0)
        rig.netd.gate.set()
        async with refused("cookie"):
            await opening
        await rig.settle()
        assert rig.netd.routes == {}
        assert [use.leased for use in rig.child.state.pools.usage(rig.now)] == [0, 0]

    drive(tmp_path, scene)


def test_of_two_connects_at_once_the_newer_wins(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        rig.netd.gate = asyncio.Event()
        first = asyncio.create_task(rig.open(cookie, 0))
        second = asyncio.create_task(rig.open(cookie, 1))
        while not rig.netd.of(SetRoutes):
            await asyncio.sleep(0)
        rig.netd.gate.set()
        async with refused("busy"):
            await first
        grant = await second
        await rig.settle()
        assert {route.slot for route in rig.netd.routes.values()} == {1}
        assert rig.child.state.sessions.on_slot(1)[0].epoch == grant.epoch

    drive(tmp_path, scene)


def test_a_dead_workers_sessions_wait_and_come_back(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie, 0)
        rig.child.detached("worker", 0)
        rig.child.ended("worker", 0, asked=False)
        (lost,) = await rig.events("worker.lost")
        assert lost["fields"] == {"slot": 0, "count": 1}
        again = await rig.open(cookie, 1)
        assert (again.ipv4, again.ipv6) == (grant.ipv4, grant.ipv6)

    drive(tmp_path, scene)


def test_a_worker_that_was_told_to_end_is_not_lost_and_its_sessions_wait_too(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie, 0)
        for process in ("worker", "netd"):
            rig.child.detached(process, 0)
            rig.child.ended(process, 0, asked=True)
        assert not rig.child.state.sessions.on_slot(0)
        await rig.attach_all()
        again = await rig.open(cookie, 1)
        assert (again.ipv4, again.ipv6) == (grant.ipv4, grant.ipv6)
        assert await rig.events("worker.lost") == await rig.events("network.lost") == []

    drive(tmp_path, scene)


def test_banner_and_notice_come_with_the_first_tunnel_only(tmp_path: Path) -> None:
    site = a_site(banner=Banner(session="Be good."))

    async def scene(rig: Rig) -> None:
        await rig.add_user()
        assert (await rig.step(password=b"wrong password")).state == "form"
        cookie = await rig.log_in()
        assert (await rig.open(cookie)).banner == (
            "Be good.\nThere was 1 failed login to your account since your last one. "
            "If it was not you, tell your administrator."
        )
        assert (await rig.open(cookie)).banner == "Be good."

    drive(tmp_path, scene, a_configuration(tmp_path, site))


def test_a_worker_is_asked_what_it_carries(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        rig.workers[0].tunnels = (LiveTunnel(4711, 3),)
        await rig.attach_all()
        (order,) = await rig.ended(0)
        assert (order.session, order.bye) == (4711, True), "nobody knows that session any more"

    drive(tmp_path, scene)
