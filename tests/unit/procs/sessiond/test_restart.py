# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes back after sessiond dies: sessions, addresses, epochs, records."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.unit.procs.sessiond.rig import Rig, a_configuration, refused
from wolfguard.ipc.logins import Logout
from wolfguard.ipc.tunnels import LiveTunnel
from wolfguard.records.record import verify
from wolfguard.secret import Secret


def rig_in(folder: Path) -> Rig:
    return Rig(folder, a_configuration(folder))


def test_sessions_and_their_tunnels_go_on(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            before = await rig.open(cookie, 1)
        rig.workers[1].tunnels = (LiveTunnel(before.session, before.epoch),)
        async with rig.running():
            (session,) = rig.child.state.sessions
            assert (session.state, session.slot, session.confirmed) == ("connected", 1, True)
            assert session.tls is not None
            after = await rig.open(cookie, 0)
            assert (after.session, after.index) == (before.session, before.index)
            assert (after.ipv4, after.ipv6, after.expires) == (before.ipv4, before.ipv6, before.expires)
            assert after.epoch > before.epoch
            assert {route.slot for route in rig.netd.routes.values()} == {0}

    asyncio.run(run())


def test_tunnels_that_their_worker_no_longer_has_wait_for_the_client(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            before = await rig.open(cookie, 1)
        rig.now += 50
        async with rig.running():
            (session,) = rig.child.state.sessions
            assert (session.state, session.deadline) == ("waiting", int(rig.now) + 300)
            assert (await rig.open(cookie)).ipv4 == before.ipv4

    asyncio.run(run())


def test_dead_cookies_stay_dead(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            await rig.open(cookie)
            await rig.ask(Logout(cookie), "worker")
            await rig.settle()
        async with rig.running(), refused("cookie"):
            await rig.open(cookie)

    asyncio.run(run())


def test_a_freed_address_still_rests(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            await rig.open(cookie)
            await rig.ask(Logout(cookie), "worker")
            await rig.settle()
        rig.now += 30
        async with rig.running():
            assert [use.resting for use in rig.child.state.pools.usage(rig.now)] == [1, 1]
            assert [use.resting for use in rig.child.state.pools.usage(rig.now + 31)] == [0, 0]

    asyncio.run(run())


def test_a_tunnel_that_was_granted_but_not_stored_is_adopted(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            before = await rig.open(cookie, 0)
        # As if the reconnect to worker 1 had been granted an instant before the death.
        rig.workers[0].tunnels = (LiveTunnel(before.session, before.epoch),)
        rig.workers[1].tunnels = (LiveTunnel(before.session, before.epoch + 1),)
        async with rig.running():
            (session,) = rig.child.state.sessions
            assert (session.state, session.slot, session.epoch) == ("connected", 1, before.epoch + 1)
            assert (await rig.open(cookie)).epoch > before.epoch + 1

    asyncio.run(run())


def test_numbers_and_records_go_on_without_gap_or_fork(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        cookies: list[Secret] = []
        for orderly in (False, True, False, True):
            rig.now += 40
            async with rig.running(orderly=orderly):
                if not cookies:
                    await rig.add_user()
                cookies.append(await rig.log_in())
                await rig.settle()
        numbers = [record["session"] for record in rig.records() if record["event"] == "login.succeeded"]
        assert len(set(numbers)) == len(numbers)

    asyncio.run(run())
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    once = list(dict.fromkeys(lines))
    assert [json.loads(line)["sequence"] for line in once] == list(range(1, len(once) + 1))
    verify(rig_in(tmp_path)._digest, once, "0" * 64)


def test_a_session_on_a_slot_that_is_gone_waits(tmp_path: Path) -> None:
    async def run() -> None:
        rig = rig_in(tmp_path)
        async with rig.running(orderly=False):
            await rig.add_user()
            cookie = await rig.log_in()
            await rig.open(cookie, 1)
        rig.areas = rig.areas[:1]
        rig.workers = rig.workers[:1]
        async with rig.running():
            (session,) = rig.child.state.sessions
            assert session.state == "waiting"
            assert await rig.open(cookie, 0)

    asyncio.run(run())
