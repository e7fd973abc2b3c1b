# SPDX-License-Identifier: GPL-3.0-or-later
"""What administration reads, in pages that fit."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from pathlib import Path

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive, refused
from wolfguard.config.site import Limits
from wolfguard.ipc import codec
from wolfguard.ipc.management import AskSessiondStatus, ListSessions, ListUsers, ReadRecords
from wolfguard.ipc.tunnels import TunnelClosed, WorkerEvent
from wolfguard.procs.sessiond.views import WAITING_READERS_MAX
from wolfguard.store.interface import PutUser, User


def test_sessions_with_live_counters_of_all_slots(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie)
        for area, factor in zip(rig.areas, (1, 10), strict=True):
            figures = (factor, factor * 2, factor * 3, factor * 4, 7)
            os.pwrite(area, struct.pack("=6Q", grant.session, *figures), grant.index * 64)
        (info,) = (await rig.ask(ListSessions(0, 10))).sessions
        assert (info.user, info.state, info.slot, info.peer) == ("anna", "connected", 0, "192.0.2.1")
        assert (info.received_packets, info.received_bytes) == (11, 22)
        assert (info.sent_packets, info.sent_bytes) == (33, 44)
        assert info.tls == rig.tls
        await rig.ask(TunnelClosed(grant.session, grant.epoch, "bye", True), "worker")
        (ended,) = await rig.events("session.ended")
        assert ended["fields"]["received_bytes"] == 22
        # The next owner of the place starts at nothing.
        again = await rig.open(await rig.log_in())
        assert again.index == grant.index
        (info,) = (await rig.ask(ListSessions(0, 10))).sessions
        assert info.received_bytes == 0

    drive(tmp_path, scene)


def test_sessions_come_in_pages_that_fit(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user("\U0001f642" * 256)
        for _ in range(60):
            session = await rig.log_in("\U0001f642" * 256)
            assert session
        seen: list[int] = []
        after = 0
        while True:
            table = await rig.ask(ListSessions(after, 1000))
            assert len(codec.encode(table)) < codec.DATAGRAM_LIMIT
            seen += [info.session for info in table.sessions]
            after = table.next
            if not after:
                break
        assert seen == sorted(set(seen))
        assert len(seen) == 60
        assert [info.session for info in (await rig.ask(ListSessions(10, 2))).sessions] == [11, 12]

    configuration = a_configuration(tmp_path, a_site(sessions_per_user=0), limits=Limits(sessions=100))
    drive(tmp_path, scene, configuration)


def test_users_in_pages(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        store = rig.child.state.store
        await store.apply([PutUser(User(f"user{number:04}", "v:x", ("staff",), 5)) for number in range(1200)])
        await rig.step("user0003", b"no")
        first = await rig.ask(ListUsers("", 5000))
        second = await rig.ask(ListUsers(first.next, 5000))
        assert second.users[0].name > first.users[-1].name
        assert first.users[3].failures == 1
        assert (first.users[0].groups, first.users[0].last_login) == (("staff",), 0)

    drive(tmp_path, scene)


def test_records_are_read_in_pages_and_waited_for(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.settle()
        batch = await rig.ask(ReadRecords(0, 1, 0))
        assert [json.loads(text)["sequence"] for text in batch.records] == [1]
        assert batch.last >= 2
        waiting = asyncio.create_task(rig.ask(ReadRecords(batch.last, 10, 30)))
        await rig.step(password=b"no")
        later = await waiting
        assert json.loads(later.records[0])["event"] == "login.failed"
        assert (await rig.ask(ReadRecords(10_000, 10, 0))).records == ()

    drive(tmp_path, scene)


def test_a_page_of_records_fits_into_a_message(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        for _ in range(40):
            event = WorkerEvent("x", "192.0.2.1", "y", 1, '"\\' * 500)
            await rig.ask(event, "worker")
        await rig.settle()
        batch = await rig.ask(ReadRecords(0, 500, 0))
        assert 1 < len(batch.records) < 41
        assert len(codec.encode(batch)) < codec.DATAGRAM_LIMIT

    drive(tmp_path, scene)


def test_readers_who_wait_are_bounded(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.settle()
        waiting = [asyncio.create_task(rig.ask(ReadRecords(9999, 1, 30))) for _ in range(WAITING_READERS_MAX)]
        await asyncio.sleep(0)
        async with refused("busy"):
            await rig.ask(ReadRecords(9999, 1, 30))
        for reader in waiting:
            reader.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await rig.ask(ReadRecords(9999, 1, 0))).records == ()

    drive(tmp_path, scene)


def test_status(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.open(await rig.log_in())
        status = await rig.ask(AskSessiondStatus())
        assert (status.sessions, status.tunnels) == (1, 1)
        pools = {fact.name: fact.value for fact in status.pools}
        assert pools["10.99.0.0/24"] == "1 leased, 0 resting, of 253"
        facts = {fact.name: fact.value for fact in status.facts}
        assert facts["state"] == "writable"
        assert facts["workers"] == "2"

    drive(tmp_path, scene)
