# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS of tunnels: what is shown of it, what is recorded, and whose word counts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_configuration, drive
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.management import AskSessiondStatus, ListSessions, SessiondStatus
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts, LiveTunnel, TunnelClosed, TunnelDatagram, TunnelGrant
from wolfguard.policy.indicator import NO_EMS
from wolfguard.procs.sessiond.datagrams import RECORDS_MAX

AES256 = "TLS_PSK_WITH_AES_256_GCM_SHA384"
AES128 = "TLS_PSK_WITH_AES_128_GCM_SHA256"


def up(grant: TunnelGrant, suite: str = AES256, *, protected: bool = True) -> TunnelDatagram:
    return TunnelDatagram(grant.session, grant.epoch, "up", suite, protected, "")


def down(grant: TunnelGrant, reason: str = "dpd_timeout") -> TunnelDatagram:
    return TunnelDatagram(grant.session, grant.epoch, "down", "", extended_master_secret=False, reason=reason)


def refusal(grant: TunnelGrant, reason: str) -> TunnelDatagram:
    return TunnelDatagram(grant.session, grant.epoch, "refused", "", extended_master_secret=False, reason=reason)


async def shown(rig: Rig) -> DatagramFacts | None:
    (info,) = (await rig.ask(ListSessions(0, 10))).sessions
    assert info.datagram is None or isinstance(info.datagram, DatagramFacts)
    return info.datagram


def test_up_and_down_are_shown_and_up_is_recorded_once(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        assert await shown(rig) is None
        for _ in range(3):
            await rig.ask(up(grant), "worker", 0)
            assert await shown(rig) == DatagramFacts(DTLS12, AES256, extended_master_secret=True, approved=True)
            await rig.ask(down(grant), "worker", 0)
            assert await shown(rig) is None
        (record,) = await rig.events("tunnel.datagram")
        assert (record["outcome"], record["who"], record["where"]) == ("success", "anna", "192.0.2.1")
        assert (record["session"], record["reason"]) == (grant.session, "")
        assert record["fields"] == {
            "epoch": grant.epoch,
            "version": "DTLS 1.2",
            "suite": AES256,
            "extended_master_secret": True,
            "approved": True,
            "remarks": "",
        }

    drive(tmp_path, scene)


def test_another_suite_and_another_tunnel_are_recorded_anew(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        first = await rig.open(cookie)
        await rig.ask(up(first), "worker", 0)
        await rig.ask(up(first, AES128, protected=False), "worker", 0)
        second = await rig.open(cookie)
        assert await shown(rig) is None, "the new tunnel has made no DTLS yet"
        await rig.ask(up(second), "worker", 0)
        records = await rig.events("tunnel.datagram")
        found = [(each["fields"]["epoch"], each["fields"]["suite"], each["fields"]["approved"]) for each in records]
        assert found == [(first.epoch, AES256, True), (first.epoch, AES128, False), (second.epoch, AES256, True)]
        assert [each["fields"]["remarks"] for each in records] == ["", NO_EMS, ""]
        status = await rig.ask(AskSessiondStatus())
        assert isinstance(status, SessiondStatus)
        assert status.not_approved == 1, "a session counts once"

    drive(tmp_path, scene)


def test_refusals_are_recorded_once_for_each_reason(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        for reason in ("datagram_no_ems", "datagram_no_suite", "datagram_no_ems"):
            await rig.ask(refusal(grant, reason), "worker", 0)
        records = await rig.events("tunnel.datagram")
        assert [(each["outcome"], each["reason"]) for each in records] == [
            ("failure", "datagram_no_ems"),
            ("failure", "datagram_no_suite"),
        ]
        assert not any(each["fields"]["approved"] for each in records)
        assert await shown(rig) is None

    drive(tmp_path, scene)


def test_a_worker_that_makes_things_up_cannot_fill_the_trail(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        for number in range(100):
            await rig.ask(refusal(grant, f"reason{number}"), "worker", 0)
        assert len(await rig.events("tunnel.datagram")) == RECORDS_MAX

    drive(tmp_path, scene)


@pytest.mark.parametrize("when", ["older", "other worker", "closed", "unknown"])
def test_words_about_others_say_nothing(tmp_path: Path, when: str) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        cookie = await rig.log_in()
        grant = await rig.open(cookie)
        told, slot = up(grant), 0
        match when:
            case "older":
                await rig.open(cookie)
            case "other worker":
                slot = 1
            case "closed":
                await rig.ask(TunnelClosed(grant.session, grant.epoch, "dpd_timeout", user_left=False), "worker", 0)
            case "unknown":
                told = TunnelDatagram(4711, 1, "up", AES256, extended_master_secret=True, reason="")
        await rig.ask(told, "worker", slot)
        assert await shown(rig) is None
        assert await rig.events("tunnel.datagram") == []

    drive(tmp_path, scene)


def test_a_closed_tunnel_has_no_datagrams(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        await rig.ask(up(grant), "worker", 0)
        await rig.ask(TunnelClosed(grant.session, grant.epoch, "dpd_timeout", user_left=False), "worker", 0)
        assert await shown(rig) is None

    drive(tmp_path, scene)


def test_after_a_restart_workers_tell_what_is_up(tmp_path: Path) -> None:
    facts = DatagramFacts(DTLS12, AES256, extended_master_secret=True, approved=True)

    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        async with rig.running(orderly=False):
            await rig.add_user()
            grant = await rig.open(await rig.log_in(), 1)
        rig.workers[1].tunnels = (LiveTunnel(grant.session, grant.epoch, facts),)
        async with rig.running():
            assert await shown(rig) == facts
        # The same for a tunnel whose epoch had not reached the disk.
        rig.workers[1].tunnels = (LiveTunnel(grant.session, grant.epoch + 1, facts),)
        async with rig.running():
            assert await shown(rig) == facts

    asyncio.run(run())


def test_a_word_that_comes_before_the_list_is_not_undone_by_it(tmp_path: Path) -> None:
    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        async with rig.running(orderly=False):
            await rig.add_user()
            grant = await rig.open(await rig.log_in(), 1)
        rig.workers[1].tunnels = (LiveTunnel(grant.session, grant.epoch),)
        rig.workers[1].gate = asyncio.Event()
        async with rig.running(attach=False):
            rig.child.attached("worker", 1, cast(Channel, rig.workers[1]))
            await asyncio.sleep(0)
            await rig.ask(up(grant), "worker", 1)
            rig.workers[1].gate.set()
            await asyncio.gather(*rig.child.state.tasks)
            assert await shown(rig) is not None

    asyncio.run(run())
