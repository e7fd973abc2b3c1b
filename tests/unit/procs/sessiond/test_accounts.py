# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of sessions, and that it is told once and all of it, whoever dies."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.procs.sessiond.rig import OPERATOR, FakeChannel, Rig, a_configuration, a_site
from wolfguard.config.site import Accounting, Backend, Configuration, Radius, RadiusServer
from wolfguard.ipc.accounting import (
    INTERIM,
    OFF,
    ON,
    START,
    STOP,
    AccountedTraffic,
    AccountingEvent,
    AccountingSent,
    SendAccounting,
)
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.factors import ACCEPT, Attribute, FactorAnswer, FactorStep
from wolfguard.ipc.logins import Logout
from wolfguard.ipc.management import AskSessiondStatus, Disconnect, ListSessions
from wolfguard.ipc.tunnels import LiveTunnel, TunnelClosed, TunnelGrant
from wolfguard.secret import Secret

CLASS = base64.b64encode(b"\0class").decode()
INTERVAL = 600


class Authd(FakeChannel):
    """Lets everybody in and hands on what it is told; `down`: no server answers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: tuple[Attribute, ...] = (Attribute("class", CLASS),)
        self.down = False
        self.told: list[AccountingEvent] = []

    async def request(self, message: Any, *, timeout: float = 10.0) -> Any:
        if isinstance(message, FactorStep):
            return FactorAnswer(ACCEPT, attributes=self.said)
        if isinstance(message, SendAccounting):
            if self.down:
                return AccountingSent((), reason="timeout")
            self.told += [each.event for each in message.events]
            return AccountingSent(tuple(each.number for each in message.events))
        return await super().request(message, timeout=timeout)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


def configuration(folder: Path, **changes: Any) -> Configuration:
    accounting = Accounting(**{"interval": INTERVAL, **changes})
    radius = Radius((RadiusServer("192.0.2.10", name="radius.example.com"),), accounting=accounting)
    site = a_site(authentication=("corp",))
    return a_configuration(folder, site, backends=(Backend("corp", "radius", radius=radius),))


class Stage:
    """A sessiond and an authd that may die apart; `goodbye`: sessiond is stopped with the gateway, in order."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.rig = Rig(folder, configuration(folder, **changes))
        self.authd = Authd()
        self.goodbye = False

    async def __aenter__(self) -> Stage:
        self._running = self.rig.running(orderly=self.goodbye, goodbye=self.goodbye)
        await self._running.__aenter__()
        self.attach()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._running.__aexit__(None, None, None)

    def attach(self) -> None:
        self.rig.child.attached("authd", 0, cast(Channel, self.authd))

    async def told(self, *kinds: str) -> list[AccountingEvent]:
        """What was told in all, once it is this."""
        async with asyncio.timeout(20):
            while self.authd.kinds() != list(kinds):
                await self.rig.settle()
                await asyncio.sleep(0)
        # nothing more comes of it
        await self.rig.settle()
        assert self.authd.kinds() == list(kinds)
        return self.authd.told

    async def connected(self) -> tuple[Secret, TunnelGrant]:
        cookie = await self.rig.log_in()
        return cookie, await self.rig.open(cookie)

    def carry(self, grant: TunnelGrant, received: int, sent: int) -> None:
        """As a worker counts."""
        entry = struct.pack("=6Q", grant.session, received // 100, received, sent // 100, sent, 1)
        with open(f"/proc/self/fd/{self.rig.areas[0]}", "r+b") as area:
            area.seek(grant.index * 64)
            area.write(entry)


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


@contextmanager
def state_file(folder: Path) -> Iterator[sqlite3.Connection]:
    """While no sessiond has it."""
    with closing(sqlite3.connect(folder / "sessiond.sqlite")) as connection, connection:
        yield connection


def test_a_session_from_its_first_tunnel_to_its_end(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Stage(tmp_path) as stage:
            await stage.told(ON)
            cookie = await stage.rig.log_in()
            await stage.told(ON)
            grant = await stage.rig.open(cookie)
            _, start = await stage.told(ON, START)
            begun = int(stage.rig.now)
            assert start == AccountingEvent(
                START,
                begun,
                grant.session,
                f"{begun:x}-{grant.session:x}",
                "anna",
                "main",
                "",
                "192.0.2.1",
                "test client",
                grant.ipv4,
                grant.ipv6,
                begun,
                classes=(CLASS,),
            )
            stage.carry(grant, 700, 9000)
            stage.rig.pass_time(INTERVAL)
            *_, interim = await stage.told(ON, START, INTERIM)
            assert interim.traffic == AccountedTraffic(700, 9000, 7, 90)
            assert (interim.id, interim.began, interim.time) == (start.id, begun, begun + INTERVAL)
            stage.carry(grant, 800, 9900)
            await stage.rig.open(cookie)
            await stage.rig.ask(Logout(cookie), "worker")
            *_, stop = await stage.told(ON, START, INTERIM, STOP)
            assert (stop.traffic, stop.cause, stop.ipv4) == (
                AccountedTraffic(800, 9900, 8, 99),
                "user-request",
                grant.ipv4,
            )
            stage.rig.pass_time(3 * INTERVAL)
            await stage.told(ON, START, INTERIM, STOP)

    run(scene)


def test_a_login_without_a_tunnel_is_not_accounted_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Stage(tmp_path) as stage:
            await stage.rig.log_in()
            stage.rig.pass_time(1000)
            assert not list(stage.rig.child.state.sessions)
            await stage.told(ON)

    run(scene)


def test_users_of_other_backends_are_not_accounted_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Stage(tmp_path) as stage:
            site = a_site()
            stage.rig.child.state.settings.configuration = a_configuration(tmp_path, site)
            await stage.rig.add_user()
            await stage.connected()
            await stage.told(ON)

    run(scene)


@pytest.mark.parametrize(
    ("said", "interval", "due"),
    [("120", 600, 120), ("5", 600, 60), ("86400", 600, 86400), ("", 300, 300), ("", 0, 0)],
)
def test_the_server_may_ask_for_another_interval(tmp_path: Path, said: str, interval: int, due: int) -> None:
    async def scene() -> None:
        async with Stage(tmp_path, interval=interval) as stage:
            stage.authd.said = (Attribute("interim-interval", said),) if said else ()
            site = a_site(authentication=("corp",))
            (one,) = stage.rig.configuration.sites
            assert one == site
            _, grant = await stage.connected()
            session = stage.rig.child.state.sessions.get(grant.session)
            assert session is not None
            session.expires = 0
            await stage.told(ON, START)
            if not due:
                stage.rig.pass_time(100_000)
                await stage.told(ON, START)
                return
            stage.rig.pass_time(due - 1)
            await stage.told(ON, START)
            stage.rig.pass_time(1)
            await stage.told(ON, START, INTERIM)

    run(scene)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("left", "user-request"),
        ("idle", "idle-timeout"),
        ("expired", "session-timeout"),
        ("lost", "lost-carrier"),
        ("kicked", "admin-reset"),
        ("replaced", "port-preempted"),
    ],
)
def test_causes(tmp_path: Path, how: str, cause: str) -> None:
    async def scene() -> None:
        async with Stage(tmp_path) as stage:
            rig = stage.rig
            cookie, grant = await stage.connected()
            await stage.told(ON, START)
            closed = TunnelClosed(grant.session, grant.epoch, "dpd_timeout", user_left=False)
            match how:
                case "left":
                    await rig.ask(TunnelClosed(grant.session, grant.epoch, "bye", user_left=True), "worker")
                case "idle":
                    await rig.ask(TunnelClosed(grant.session, grant.epoch, "idle", user_left=False), "worker")
                case "expired":
                    rig.pass_time(3600)
                case "lost":
                    await rig.ask(closed, "worker")
                    rig.pass_time(300)
                case "kicked":
                    await rig.ask(Disconnect(OPERATOR, grant.session, "", ""))
                case "replaced":
                    await rig.ask(closed, "worker")
                    for _ in range(2):
                        await rig.log_in()
            async with asyncio.timeout(20):
                while stage.authd.kinds()[-1] != STOP:
                    await rig.settle()
            stop = stage.authd.told[-1]
            assert (stop.cause, stop.session) == (cause, grant.session)
            assert cookie

    run(scene)


def test_an_orderly_stop_is_told_before_it_is_over(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        stage.goodbye = True
        async with stage:
            await stage.connected()
            await stage.told(ON, START)
        assert stage.authd.kinds() == [ON, START, STOP, OFF]
        assert stage.authd.told[-2].cause == "admin-reboot"
        async with stage:
            await stage.told(ON, START, STOP, OFF, ON)

    run(scene)


def test_what_was_not_confirmed_survives_the_death_of_sessiond(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        stage.authd.down = True
        async with stage:
            cookie, grant = await stage.connected()
            await stage.rig.settle()
            await stage.rig.ask(Logout(cookie), "worker")
            await stage.rig.settle()
            begun = int(stage.rig.now)
        stage.rig.now += 500
        stage.authd.down = False
        async with stage:
            # the session is over, so the fresh run begins with a word of its own, after what was left
            _, start, stop, again = await stage.told(ON, START, STOP, ON)
            assert (start.time, stop.time, again.time) == (begun, begun, begun + 500)
            assert start.session == stop.session == grant.session
        async with stage:
            await stage.told(ON, START, STOP, ON, ON)

    run(scene)
    with state_file(tmp_path) as file:
        assert file.execute("SELECT count(*) FROM accounting").fetchone() == (0,)


def test_a_session_goes_on_over_the_death_of_sessiond(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        async with stage:
            cookie, grant = await stage.connected()
            stage.carry(grant, 1000, 2000)
            stage.rig.pass_time(INTERVAL)
            await stage.told(ON, START, INTERIM)
        stage.carry(grant, 3000, 5000)
        stage.rig.now += 10
        stage.rig.workers[0].tunnels = (LiveTunnel(grant.session, grant.epoch),)
        async with stage:
            stage.rig.pass_time(INTERVAL - 10)
            *_, interim = await stage.told(ON, START, INTERIM, INTERIM)
            assert interim.traffic == AccountedTraffic(3000, 5000, 30, 50)
            await stage.rig.ask(Logout(cookie), "worker")
            *_, stop = await stage.told(ON, START, INTERIM, INTERIM, STOP)
            assert stop.traffic == AccountedTraffic(3000, 5000, 30, 50)

    run(scene)


def whole_gateway_dies(stage: Stage) -> None:
    """Its counters go with it."""
    for area in stage.rig.areas:
        with open(f"/proc/self/fd/{area}", "r+b") as file:
            file.write(bytes(64 * 64))
    stage.rig.workers[0].tunnels = ()


def test_traffic_of_before_the_death_of_the_gateway_is_not_forgotten(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        async with stage:
            cookie, grant = await stage.connected()
            stage.carry(grant, 1000, 2000)
            stage.rig.pass_time(INTERVAL)
            await stage.told(ON, START, INTERIM)
        for _ in range(2):
            whole_gateway_dies(stage)
            async with stage:
                await stage.rig.settle()
        async with stage:
            again = await stage.rig.open(cookie)
            stage.carry(again, 100, 200)
            (info,) = (await stage.rig.ask(ListSessions(0, 10))).sessions
            assert (info.received_bytes, info.sent_bytes) == (1100, 2200)
            await stage.rig.ask(Logout(cookie), "worker")
            *_, stop = await stage.told(ON, START, INTERIM, STOP)
            assert (stop.traffic, stop.cause) == (AccountedTraffic(1100, 2200, 11, 22), "user-request")
            (record,) = await stage.rig.events("session.ended")
            assert record["fields"]["received_bytes"] == 1100
            assert grant.session == stop.session

    run(scene)


def test_who_does_not_come_back_after_the_gateways_death_was_cut_off_by_it(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        async with stage:
            await stage.connected()
            await stage.told(ON, START)
        whole_gateway_dies(stage)
        async with stage:
            await stage.rig.settle()
            stage.rig.pass_time(300)
            *_, stop = await stage.told(ON, START, STOP)
            assert stop.cause == "nas-reboot"

    run(scene)


def test_a_session_that_cannot_be_taken_over_is_told_to_be_over(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        async with stage:
            _, grant = await stage.connected()
            await stage.told(ON, START)
        with state_file(tmp_path) as file:
            file.execute("UPDATE session SET place = 100000")
        async with stage:
            *_, stop, _ = await stage.told(ON, START, STOP, ON)
            assert (stop.session, stop.cause) == (grant.session, "nas-reboot")
            await stage.rig.settle()
        with state_file(tmp_path) as file:
            assert file.execute("SELECT count(*) FROM session").fetchone() == (0,)

    run(scene)


def test_authd_dies_and_comes_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Stage(tmp_path) as stage:
            await stage.told(ON)
            stage.rig.child.detached("authd", 0)
            stage.authd = Authd()
            stage.attach()
            cookie, _ = await stage.connected()
            await stage.told(START)
            stage.rig.child.detached("authd", 0)
            await stage.rig.ask(Logout(cookie), "worker")
            await stage.rig.settle()
            assert stage.authd.kinds() == [START]
            stage.attach()
            await stage.told(START, STOP)

    run(scene)


def test_silence_is_recorded_once_and_shown(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Stage(tmp_path, queue=3) as stage:
            await stage.told(ON)
            stage.authd.down = True
            cookies = [(await stage.connected())[0] for _ in range(2)]
            async with asyncio.timeout(20):
                while not await stage.rig.events("accounting.unanswered"):
                    await asyncio.sleep(0)
            stage.rig.pass_time(20)
            facts = {fact.name: fact.value for fact in (await stage.rig.ask(AskSessiondStatus())).facts}
            assert facts["accounting corp"] == "2 waiting, the oldest for 20 s, no server answers"
            for cookie in cookies:
                await stage.rig.ask(Logout(cookie), "worker")
            await stage.rig.settle()
            stage.rig.pass_time(1)
            (lost,) = await stage.rig.events("accounting.lost")
            assert (lost["reason"], lost["fields"]) == ("queue-full", {"backend": "corp", "count": 1})
            facts = {fact.name: fact.value for fact in (await stage.rig.ask(AskSessiondStatus())).facts}
            assert facts["accounting corp"] == "3 waiting, the oldest for 21 s, no server answers, 1 lost"
            stage.authd.down = False
            stage.attach()
            await stage.told(ON, START, STOP, STOP)
            (silent,) = await stage.rig.events("accounting.unanswered")
            (back,) = await stage.rig.events("accounting.answered")
            assert (silent["reason"], back["outcome"]) == ("timeout", "success")

    run(scene)


def test_rows_that_nobody_can_send_any_more_are_lost_with_a_word(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        stage.authd.down = True
        async with stage:
            await stage.rig.settle()
        with state_file(tmp_path) as file:
            file.execute("INSERT INTO accounting VALUES (50, 'corp', '{}'), (51, 'gone', '{}')")
        stage.authd.down = False
        async with stage:
            await stage.told(ON, ON)
            stage.rig.pass_time(1)
            lost = await stage.rig.events("accounting.lost")
            assert [(each["reason"], each["fields"]["backend"]) for each in lost] == [
                ("unreadable", "corp"),
                ("backend-removed", "gone"),
            ]
        with state_file(tmp_path) as file:
            assert file.execute("SELECT count(*) FROM accounting").fetchone() == (0,)

    run(scene)
