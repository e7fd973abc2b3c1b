# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy in force: groups' limits, what an authentication server grants, and what a reload does to living tunnels."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive, peer, refused
from wolfguard.auth import grant
from wolfguard.auth.login import Granted
from wolfguard.config.site import (
    AccessList,
    Configuration,
    Firewall,
    Group,
    Network,
    Rate,
    SessionTimeouts,
    Timeouts,
)
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.management import ListSessions
from wolfguard.ipc.routes import SetRoutes
from wolfguard.ipc.tunnels import LiveTunnel, SetRates, TunnelRates
from wolfguard.procs.sessiond.creation import LoginFacts, NoSessionError
from wolfguard.secret import Secret

LISTS = Firewall(access_lists=(AccessList("few", ("10.0.0.0/8",)), AccessList("many", ("0.0.0.0/0",))))
STAFF = Group("staff", access="few", timeouts=SessionTimeouts(session=600, idle=60, reconnect=120, dpd=20))


def configured(folder: Path, *groups: Group, firewall: Firewall = LISTS, **changes: Any) -> Configuration:
    site = a_site(groups=groups or (STAFF,), **changes)
    return a_configuration(folder, site, firewall=firewall)


async def granted(rig: Rig, *attributes: tuple[str, str], user: str = "anna", group: str = "staff") -> Secret:
    """A login that an authentication server answered with these attributes."""
    site = rig.child.state.settings.site("main")
    assert site is not None
    facts = LoginFacts(site, peer(), rig.tls, "test client")
    cookie, _ = await rig.child.logins._creation.create(
        Granted(user, group, tuple(Attribute(*each) for each in attributes)), "corp", facts
    )
    return cookie


# --- groups ----------------------------------------------------------------------------------------------------------


def test_a_group_has_its_own_timeouts_and_access(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        cookie = await rig.log_in()
        tunnel = await rig.open(cookie)
        assert (tunnel.group, tunnel.expires, tunnel.idle_timeout, tunnel.dpd) == ("staff", int(rig.now) + 600, 60, 20)
        assert tunnel.reconnect == 120
        assert {route.access for route in rig.netd.routes.values()} == {"few"}
        (record,) = await rig.events("login.succeeded")
        assert "access few (group)" in record["fields"]["policy"]
        assert "idle_timeout 60 (group)" in record["fields"]["policy"]
        table = await rig.ask(ListSessions(0, 10))
        shown = {fact.name: (fact.value, fact.origin) for fact in table.sessions[0].policy}
        assert (shown["access"], shown["session_timeout"]) == (("few", "group"), ("600", "group"))
        assert shown["mtu"][1] == "site"

    drive(tmp_path, scene, configured(tmp_path))


def test_who_is_in_no_group_has_the_sites_own(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.open(await rig.log_in())
        assert {route.access for route in rig.netd.routes.values()} == {""}

    drive(tmp_path, scene, configured(tmp_path))


def test_a_group_has_so_many_sessions(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        for name in ("anna", "bert", "carl", "dora"):
            await rig.add_user(name, groups=("staff",) if name != "dora" else ())
        await rig.open(await rig.log_in("anna"))
        second = await rig.log_in("bert")
        full = await rig.step("carl")
        assert (full.state, "as many sessions as it may have" in full.reason) == ("refused", True)
        (record,) = await rig.events("login.refused")
        assert record["reason"] == "sessions-of-group"
        await rig.log_in("dora")
        rig.pass_time(31)
        # a member's own session without a tunnel makes room for their next one
        await rig.log_in("bert")
        async with refused("cookie"):
            await rig.open(second)
        rig.pass_time(301)
        await rig.log_in("carl")

    drive(tmp_path, scene, configured(tmp_path, Group("staff", sessions=2)))


def test_a_groups_own_number_of_sessions_for_each_user(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        await rig.open(await rig.log_in())
        assert "You have 1 sessions already" in (await rig.step()).reason

    drive(tmp_path, scene, configured(tmp_path, Group("staff", sessions_per_user=1)))


def test_rates_reach_the_worker(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        tunnel = await rig.open(await rig.log_in())
        assert tunnel.rates == TunnelRates(1_000_000, 100_000, 0, 0)

    drive(tmp_path, scene, configured(tmp_path, Group("staff", rate=Rate(up=8_000_000))))


# --- what a server grants --------------------------------------------------------------------------------------------


def test_a_granted_session(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        cookie = await granted(
            rig,
            (grant.IPV4, "10.99.0.77"),
            (grant.IPV6, "2001:db8:99::77"),
            (grant.ROUTE, "10.7.0.0/16"),
            (grant.DNS, "10.7.0.53"),
            (grant.SESSION_TIMEOUT, "300"),
            (grant.IDLE_TIMEOUT, "30"),
            (grant.ACCESS, "many"),
            (grant.RATE_DOWN, "8000000"),
        )
        tunnel = await rig.open(cookie)
        assert (tunnel.ipv4, tunnel.ipv6) == ("10.99.0.77", "2001:db8:99::77")
        assert (tunnel.split_include, tunnel.dns) == (("10.7.0.0/16",), ("10.7.0.53",))
        assert (tunnel.expires, tunnel.idle_timeout) == (int(rig.now) + 300, 30)
        assert tunnel.rates == TunnelRates(0, 0, 1_000_000, 100_000)
        assert {route.network: route.access for route in rig.netd.routes.values()} == {
            "10.99.0.77/32": "many",
            "2001:db8:99::77/128": "many",
        }
        (record,) = await rig.events("login.succeeded")
        assert "ipv4 10.99.0.77 (server)" in record["fields"]["policy"]

    drive(tmp_path, scene, configured(tmp_path))


def test_a_grant_outlives_sessiond(tmp_path: Path) -> None:
    async def run() -> None:
        rig = Rig(tmp_path, configured(tmp_path))
        async with rig.running(orderly=False):
            cookie = await granted(rig, (grant.ACCESS, "many"), (grant.IDLE_TIMEOUT, "30"), (grant.IPV4, "10.99.0.77"))
            tunnel = await rig.open(cookie)
        rig.netd.routes.clear()
        rig.workers[0].tunnels = (LiveTunnel(tunnel.session, tunnel.epoch),)
        async with rig.running():
            await rig.settle()
            assert rig.netd.routes["10.99.0.77/32"].access == "many"
            assert (await rig.open(cookie)).idle_timeout == 30

    asyncio.run(run())


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ((grant.IPV4, "192.0.2.7"), "address"),
        ((grant.IPV4, "10.99.0.1"), "address"),
        ((grant.IPV4, "10.99.0.300"), "address"),
        ((grant.IPV6_PREFIX, "2001:db8:99::/64"), "address"),
        ((grant.ACCESS, "nobody-has-this"), "access"),
        ((grant.ACCESS, "{ drop }"), "access"),
        ((grant.SESSION_TIMEOUT, "for ever"), "limit"),
    ],
)
def test_a_grant_that_cannot_be_put_into_force_refuses(tmp_path: Path, attribute: tuple[str, str], reason: str) -> None:
    async def scene(rig: Rig) -> None:
        with pytest.raises(NoSessionError) as caught:
            await granted(rig, attribute)
        assert caught.value.reason == "policy"
        assert "sk your administrator" in caught.value.text
        assert len(rig.child.state.sessions) == 0
        (record,) = await rig.events("policy.refused")
        assert (record["who"], record["reason"], record["where"]) == ("anna", reason, "192.0.2.1")
        assert record["fields"]["detail"]

    drive(tmp_path, scene, configured(tmp_path))


def test_what_only_serves_is_left_out_and_told(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        tunnel = await rig.open(await granted(rig, (grant.ROUTE, "127.0.0.0/8"), (grant.ROUTE, "10.7.0.0/16")))
        assert tunnel.split_include == ("10.7.0.0/16",)
        (record,) = await rig.events("policy.ignored")
        assert (record["reason"], record["fields"]["detail"]) == ("absurd-network", "route: 127.0.0.0/8")

    drive(tmp_path, scene, configured(tmp_path))


def test_an_address_that_somebody_else_has(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.open(await granted(rig, (grant.IPV4, "10.99.0.77")))
        with pytest.raises(NoSessionError, match="policy") as caught:
            await granted(rig, (grant.IPV4, "10.99.0.77"), user="bert")
        assert caught.value.text.startswith("Your address 10.99.0.77 cannot be given to you now.")

    drive(tmp_path, scene, configured(tmp_path))


def test_an_address_that_was_taken_between_login_and_connect(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        anna = await granted(rig, (grant.IPV4, "10.99.0.77"))
        bert = await granted(rig, (grant.IPV4, "10.99.0.77"), user="bert")
        await rig.open(anna)
        async with refused("busy"):
            await rig.open(bert)
        (record,) = await rig.events("tunnel.refused")
        assert record["reason"] == "address"
        assert [use.leased for use in rig.child.state.pools.usage(rig.now)] == [1, 1]

    drive(tmp_path, scene, configured(tmp_path))


def test_ones_own_address_is_taken_from_the_session_that_waits(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.open(await granted(rig, (grant.IPV4, "10.99.0.77")))
        with pytest.raises(NoSessionError, match="address") as caught:
            await granted(rig, (grant.IPV4, "10.99.0.77"))
        assert "You have a session with your address already" in caught.value.text
        rig.child.tunnels.worker_lost(0)
        assert (await rig.open(await granted(rig, (grant.IPV4, "10.99.0.77")), 1)).ipv4 == "10.99.0.77"
        assert len(rig.child.state.sessions) == 1

    drive(tmp_path, scene, configured(tmp_path))


# --- reloads ---------------------------------------------------------------------------------------------------------


def test_a_reload_moves_living_sessions(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        tunnel = await rig.open(await rig.log_in(), 1)
        changed = configured(tmp_path, replace(STAFF, access="many", rate=Rate(down=8_000_000)))
        rig.child.reconfigure(changed, 2)
        await rig.settle()
        assert {(route.access, route.epoch) for route in rig.netd.routes.values()} == {("many", tunnel.epoch)}
        expected = SetRates(tunnel.session, tunnel.epoch, TunnelRates(0, 0, 1_000_000, 100_000))
        assert rig.workers[1].of(SetRates) == [expected]
        asked = len(rig.netd.of(SetRoutes))
        rig.child.reconfigure(changed, 3)
        await rig.settle()
        assert (len(rig.netd.of(SetRoutes)), len(rig.workers[1].of(SetRates))) == (asked, 1), "nothing has changed"

    drive(tmp_path, scene, configured(tmp_path))


@pytest.mark.parametrize("gone", ["group", "list", "site"])
def test_what_a_reload_removes_gives_no_access(tmp_path: Path, gone: str) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        await rig.open(await rig.log_in())
        changed = {
            "group": configured(tmp_path, Group("other")),
            "list": configured(tmp_path, firewall=Firewall()),
            "site": a_configuration(tmp_path, a_site(name="other")),
        }[gone]
        rig.child.reconfigure(changed, 2)
        await rig.settle()
        assert {route.access for route in rig.netd.routes.values()} == {grant.NO_ACCESS}
        assert len(rig.child.state.sessions) == 1
        assert (await rig.ask(ListSessions(0, 10))).sessions[0].user == "anna"

    drive(tmp_path, scene, configured(tmp_path))


def test_a_reload_while_netd_is_away(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user(groups=("staff",))
        await rig.open(await rig.log_in())
        rig.child.detached("netd", 0)
        rig.child.reconfigure(configured(tmp_path, replace(STAFF, access="many")), 2)
        rig.child.state.tasks.clear()
        await rig.attach_all()
        assert {route.access for route in rig.netd.routes.values()} == {"many"}

    drive(tmp_path, scene, configured(tmp_path))


def test_the_longest_wait_of_all_groups_counts(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        assert rig.child.state.settings.reconnect() == 900

    group = Group("slow", timeouts=SessionTimeouts(reconnect=900))
    drive(tmp_path, scene, configured(tmp_path, group, timeouts=Timeouts(reconnect=300)))


def test_policies_are_remembered_until_a_reload(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        settings = rig.child.state.settings
        site = settings.site("main")
        assert site is not None
        assert settings.policy(site, "staff", grant.NOTHING) is settings.policy(site, "staff", grant.NOTHING)
        rig.child.reconfigure(configured(tmp_path, Group("staff", network=Network("10.97.0.0/24", mtu=1280))), 2)
        renewed = settings.site("main")
        assert renewed is not None
        assert settings.policy(renewed, "staff", grant.NOTHING).network.mtu == 1280

    drive(tmp_path, scene, configured(tmp_path))
