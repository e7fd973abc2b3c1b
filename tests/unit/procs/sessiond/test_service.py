# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, reload, stop and handlers of the service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.procs.sessiond.rig import Rig, a_configuration, a_site, drive
from wolfguard.config.site import Lockout, Network, Records
from wolfguard.errors import ConfigurationError, StartError
from wolfguard.ipc.dispatch import TABLE
from wolfguard.ipc.tunnels import EndTunnel, WorkerEvent


def test_everything_that_others_may_send_has_a_handler(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        for peer in ("worker", "mgmtd", "netd", "authd", "pam"):
            assert TABLE.receivable(peer, "sessiond") == rig.child.handlers(peer).keys()

    drive(tmp_path, scene)


def test_a_start_without_counters_or_state_is_one_clear_line(tmp_path: Path) -> None:
    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        rig.areas = []
        with pytest.raises(StartError, match="traffic counters"):
            async with rig.running():
                pass
        missing = Rig(tmp_path, a_configuration(tmp_path / "missing"))
        missing.configuration = replace(missing.configuration, records=Records("stderr"))
        with pytest.raises(StartError, match="cannot open the state file"):
            async with missing.running():
                pass

    asyncio.run(run())


def test_a_reload_takes_what_can_change(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        grant = await rig.open(await rig.log_in())
        (tmp_path / "records.jsonl").rename(tmp_path / "records.1")
        site = a_site(network=Network(ipv4_pool="10.98.0.0/24", mtu=1300))
        new = replace(a_configuration(tmp_path, site, lockout=Lockout(failures=1)), records=Records("journald", ""))
        assert set(rig.child.reconfigure(new, 2)) == {"records.target", "records.path"}
        assert (await rig.open(await rig.log_in())).ipv4.startswith("10.98.0.")
        assert rig.child.state.pools.owned_by_other(grant.ipv4, "bert"), "a live lease outlives its pool"
        await rig.step(password=b"no")
        assert (await rig.step()).state == "refused"
        await rig.child.state.ledger.send()
        assert (tmp_path / "records.jsonl").exists()

    drive(tmp_path, scene)


def test_a_reload_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.add_user()
        await rig.open(await rig.log_in())
        before = rig.child.state.settings.configuration
        with pytest.raises(ConfigurationError):
            rig.child.reconfigure(a_configuration(tmp_path, a_site(network=Network("10.0.0.0/8"))), 2)
        assert rig.child.state.settings.configuration is before

    drive(tmp_path, scene)


def test_a_stop_for_good_says_goodbye_and_a_drain_does_not(tmp_path: Path) -> None:
    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        async with rig.running():
            await rig.add_user()
            await rig.open(await rig.log_in())
        assert rig.workers[0].of(EndTunnel) == []
        async with rig.running():
            (session,) = rig.child.state.sessions
            assert session.user == "anna"
        rig.now += 1
        async with rig.running(goodbye=True):
            await rig.open(await rig.log_in())
        assert rig.workers[0].of(EndTunnel)[-1].bye
        async with rig.running():
            assert len(rig.child.state.sessions) == 0

    asyncio.run(run())


def test_what_workers_refuse_is_recorded(tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        event = WorkerEvent("http_malformed", "192.0.2.9", "request line", 3, "GET")
        await rig.ask(event, "worker")
        (record,) = await rig.events("wire.refused")
        assert (record["where"], record["reason"]) == ("192.0.2.9", "request line")
        assert record["fields"] == {"what": "http_malformed", "count": 3, "detail": "GET"}

    drive(tmp_path, scene)


def test_a_loop_that_fails_ends_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    async def run() -> None:
        rig = Rig(tmp_path, a_configuration(tmp_path))
        with pytest.raises(ZeroDivisionError):
            async with rig.running(attach=False):
                monkeypatch.setattr(rig.child, "tick", broken)

    asyncio.run(run())
