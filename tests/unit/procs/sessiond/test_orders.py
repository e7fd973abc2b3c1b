# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers order of sessions: whom it reaches, what it changes at once and what needs a new tunnel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_site, refused
from tests.unit.procs.sessiond.test_accounts import Stage
from wolfguard.config.site import AccessList, DynamicAuthorization, Firewall, Group, Network, Rate, Timeouts
from wolfguard.ipc import orders
from wolfguard.ipc.accounting import INTERIM, ON, START, STOP
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.management import AskSessiondStatus
from wolfguard.ipc.orders import CHANGE, DISCONNECT, Named, OrderSessions, OrdersRefused, SessionsOrdered
from wolfguard.ipc.routes import HostRoute
from wolfguard.ipc.tunnels import EndTunnel, SetRates, TunnelGrant, TunnelRates
from wolfguard.procs.sessiond.accounts import session_id
from wolfguard.procs.sessiond.sessions import Session
from wolfguard.secret import Secret

SERVER = "192.0.2.10:2083"


def stage(folder: Path) -> Stage:
    """A site with groups of other rights and another network."""
    made = Stage(folder)
    site = a_site(
        authentication=("corp",),
        timeouts=Timeouts(session=3600, idle=900, reconnect=300, address_rest=60),
        sessions_per_user=5,
        groups=(
            Group("staff"),
            Group("slow", rate=Rate(8000, 16000)),
            Group("quarantine", access="little"),
            Group("broken", access="gone"),
            Group("others", network=Network(ipv4_pool="10.98.0.0/24", dns=("10.98.0.1",))),
        ),
    )
    firewall = Firewall(access_lists=(AccessList("little", ("192.0.2.1/32",)),))
    (corp,) = made.rig.configuration.backends
    assert corp.radius is not None
    radius = replace(corp.radius, dynamic_authorization=DynamicAuthorization())
    other = replace(corp, name="other", radius=replace(radius, accounting=None))
    mute = replace(corp, name="mute", radius=replace(corp.radius, accounting=None))
    backends = (replace(corp, radius=radius), other, mute)
    made.rig.configuration = replace(made.rig.configuration, sites=(site,), firewall=firewall, backends=backends)
    return made


class Scene:
    def __init__(self, made: Stage, cookie: Secret, grant: TunnelGrant) -> None:
        self.stage, self.rig, self.cookie, self.grant = made, made.rig, cookie, grant

    @property
    def session(self) -> Session:
        session = self.rig.child.state.sessions.get(self.grant.session)
        assert session is not None
        return session

    async def order(self, act: str, *names: Named, backend: str = "corp", **more: Any) -> SessionsOrdered:
        given = names or (Named(orders.BY_ID, session_id(self.session)),)
        answer = await self.rig.ask(OrderSessions(backend, SERVER, act, given, **more), "authd")
        assert isinstance(answer, SessionsOrdered)
        return answer

    async def change(self, group: str = "", **said: int) -> SessionsOrdered:
        attributes = tuple(Attribute(name.replace("_", "-"), str(value)) for name, value in said.items())
        return await self.order(CHANGE, attributes=attributes, group=group)

    async def sent(self, kind: type[Any]) -> list[Any]:
        await self.rig.settle()
        return self.rig.workers[0].of(kind)


def play(folder: Path, scene: Callable[[Scene], Any]) -> None:
    async def run() -> None:
        async with stage(folder) as made:
            cookie, grant = await made.connected()
            await made.told(ON, START)
            await scene(Scene(made, cookie, grant))

    asyncio.run(run())


def test_a_session_is_ended(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        assert await play.order(DISCONNECT, text="Come to the office.") == SessionsOrdered("", 1)
        (ended,) = await play.sent(EndTunnel)
        assert (ended.bye, ended.text) == (True, "Come to the office.")
        async with refused("cookie"):
            await play.rig.open(play.cookie)
        *_, stop = await play.stage.told(ON, START, STOP)
        assert stop.cause == "admin-reset"
        (ordered,) = await play.rig.events("session.ordered")
        assert (ordered["who"], ordered["where"], ordered["session"]) == ("anna", SERVER, play.grant.session)
        assert ordered["fields"] == {"backend": "corp", "act": "disconnect", "policy": ""}
        (record,) = await play.rig.events("session.ended")
        assert record["reason"] == "server-disconnect"

    play(tmp_path, scene)


def test_all_that_an_order_names_must_fit_and_all_that_fit_are_meant(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        anna, mine = Named(orders.BY_USER, "anna"), play.session
        second = await play.rig.open(await play.rig.log_in())
        await play.rig.open(await play.rig.log_in("bert"))
        for names in (
            (Named(orders.BY_ID, session_id(mine)), Named(orders.BY_USER, "bert")),
            (anna, Named(orders.BY_IPV4, "10.99.0.200")),
            (anna, Named(orders.BY_SITE, "another")),
            (Named(orders.BY_ID, f"{mine.number:x}"),),
            (Named(orders.BY_ID, "1-not-a-number"),),
            (Named(orders.BY_USER, "carl"),),
        ):
            assert (await play.order(DISCONNECT, *names)).error == orders.NOT_FOUND
        for bad in ((Named(orders.BY_USER, ""),), (Named("colour", "blue"),)):
            assert (await play.order(DISCONNECT, *bad)).error == orders.INVALID_REQUEST
        address = (
            Named(orders.BY_IPV4, mine.ipv4),
            Named(orders.BY_IPV6, mine.ipv6),
            Named(orders.BY_ADDRESS, "192.0.2.1"),
        )
        assert await play.order(DISCONNECT, *address) == SessionsOrdered("", 1)
        assert await play.order(DISCONNECT, anna) == SessionsOrdered("", 1)
        assert [session.user for session in play.rig.child.state.sessions] == ["bert"]
        assert second.session not in play.rig.child.state.sessions._by_number

    play(tmp_path, scene)


def test_a_server_reaches_no_session_that_another_backend_let_in(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        answer = await play.order(DISCONNECT, backend="other")
        assert answer.error == orders.NOT_FOUND
        for backend in ("mute", "nobody"):
            assert (await play.order(DISCONNECT, backend=backend)).error == orders.INVALID_REQUEST
        assert len(list(play.rig.child.state.sessions)) == 1
        record, *_ = await play.rig.events("session.order-refused")
        assert (record["where"], record["reason"]) == (SERVER, orders.NOT_FOUND)
        assert record["fields"]["backend"] == "other"

    play(tmp_path, scene)


def test_rates_are_in_force_at_once_and_survive(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        assert (await play.change(rate_up=80_000, rate_down=160_000)).error == ""
        (order,) = await play.sent(SetRates)
        assert order == SetRates(play.grant.session, play.grant.epoch, TunnelRates(10_000, 65536, 20_000, 65536))
        assert not await play.sent(EndTunnel), "nothing of it needs a new tunnel"
        assert (await play.rig.open(play.cookie)).rates == order.rates
        (ordered,) = await play.rig.events("session.ordered")
        assert "rate_up 80000 (server)" in ordered["fields"]["policy"]

    play(tmp_path, scene)


def test_a_shorter_life_ends_the_session_in_time(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        play.rig.pass_time(100)
        assert (await play.change(session_timeout=50)).error == ""
        assert not await play.sent(EndTunnel)
        play.rig.pass_time(49)
        assert play.session.expires == int(play.rig.now) + 1
        play.rig.pass_time(1)
        assert not list(play.rig.child.state.sessions)

    play(tmp_path, scene)


def test_a_longer_life_goes_no_further_than_the_site_lets_it(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        created = play.session.created
        assert (await play.change(session_timeout=50)).error == ""
        assert (await play.change(session_timeout=100_000)).error == ""
        assert play.session.expires == created + 3600
        # The worker was told of an earlier end: a new tunnel tells it of the later one.
        (ended,) = await play.sent(EndTunnel)
        assert not ended.bye
        assert (await play.rig.open(play.cookie)).expires == created + 3600

    play(tmp_path, scene)


def test_another_idle_time_comes_with_a_new_tunnel(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        assert (await play.change(idle_timeout=120)).error == ""
        (ended,) = await play.sent(EndTunnel)
        assert not ended.bye
        assert (await play.rig.open(play.cookie)).idle_timeout == 120

    play(tmp_path, scene)


@pytest.mark.parametrize(("group", "anew"), [("slow", False), ("quarantine", False), ("others", True)])
def test_another_group(tmp_path: Path, group: str, anew: bool) -> None:
    async def scene(play: Scene) -> None:
        assert (await play.change(group)).error == ""
        assert play.session.group == group
        assert [session.number for session in play.rig.child.state.sessions.of_group("main", group)]
        assert bool(await play.sent(EndTunnel)) is anew
        if group == "quarantine":
            routes: list[HostRoute] = list(play.rig.netd.routes.values())
            assert {route.access for route in routes} == {"little"}
        if group == "slow":
            (order,) = await play.sent(SetRates)
            assert order.rates.up == 1000
        assert (await play.rig.open(play.cookie)).group == group

    play(tmp_path, scene)


def test_a_change_that_cannot_be_made_changes_nothing(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        before = replace(play.session)
        for group in ("nowhere", "broken"):
            answer = await play.change(group, rate_up=8000)
            assert answer.error == orders.INVALID_VALUE
        assert (await play.change(rate_up=10**13)).error == orders.INVALID_VALUE
        assert (await play.order("dance")).error == orders.INVALID_REQUEST
        assert play.session == before
        assert not await play.sent(SetRates)
        assert len(await play.rig.events("session.order-refused")) == 4

    play(tmp_path, scene)


def test_another_interval_and_another_class(tmp_path: Path) -> None:
    async def scene(play: Scene) -> None:
        said = (Attribute("interim-interval", "60"), Attribute("class", "bmV3"))
        assert (await play.order(CHANGE, attributes=said)).error == ""
        play.rig.pass_time(60)
        *_, interim = await play.stage.told(ON, START, INTERIM)
        assert interim.classes == ("bmV3",)
        play.rig.pass_time(540)
        await play.stage.told(ON, START, INTERIM, INTERIM)
        assert play.session.account is not None
        play.rig.pass_time(60)
        await play.stage.told(ON, START, INTERIM, INTERIM, INTERIM)

    play(tmp_path, scene)


def test_a_change_survives_the_death_of_sessiond(tmp_path: Path) -> None:
    async def run() -> None:
        made = stage(tmp_path)
        async with made:
            cookie, grant = await made.connected()
            scene = Scene(made, cookie, grant)
            assert (await scene.change("slow", session_timeout=77)).error == ""
            expires = scene.session.expires
        async with made:
            (session,) = made.rig.child.state.sessions
            assert (session.group, session.expires, session.grant.session_timeout) == ("slow", expires, 77)

    asyncio.run(run())


def test_what_authd_refuses_is_recorded_and_counted(tmp_path: Path) -> None:
    async def run() -> None:
        async with stage(tmp_path) as made:
            rig: Rig = made.rig
            await rig.ask(OrdersRefused("corp", "192.0.2.66", "radius_forged", 7), "authd")
            (record,) = await rig.events("session.order-refused")
            assert (record["where"], record["reason"], record["fields"]["count"]) == ("192.0.2.66", "radius_forged", 7)
            facts = {fact.name: fact.value for fact in (await rig.ask(AskSessiondStatus())).facts}
            assert facts["orders refused"] == "7"

    asyncio.run(run())
