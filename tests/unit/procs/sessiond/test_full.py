# SPDX-License-Identifier: GPL-3.0-or-later
"""When no more records can wait: what is refused or goes on, what is counted, and what the trail says afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.procs.sessiond.rig import AUDITOR, Rig, a_configuration
from wolfguard.config.site import Records
from wolfguard.ipc.management import AdminEvent, AskSessiondStatus
from wolfguard.records import trail
from wolfguard.records.record import verify

MOST = 40


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "UNDELIVERED_MAX", MOST)


@asynccontextmanager
async def full(rig: Rig) -> AsyncIterator[None]:
    """The sink is a device that has no room. It is exchanged while nothing is being written."""
    ledger = rig.child.state.ledger
    descriptor: int = ledger.sink._descriptor  # type: ignore[attr-defined]
    await delivered(rig)
    kept, device = os.dup(descriptor), os.open("/dev/full", os.O_WRONLY)
    async with ledger._sending:
        os.dup2(device, descriptor)
    try:
        yield
    finally:
        async with ledger._sending:
            os.dup2(kept, descriptor)
        os.close(kept)
        os.close(device)


async def facts(rig: Rig) -> dict[str, str]:
    return {fact.name: fact.value for fact in (await rig.ask(AskSessiondStatus())).facts}


def rig_of(folder: Path, when_full: str) -> Rig:
    records = Records("file", str(folder / "records.jsonl"), when_full=when_full)
    return Rig(folder, a_configuration(folder, records=records))


async def events(rig: Rig, count: int) -> None:
    for _ in range(count):
        await rig.ask(AdminEvent(AUDITOR, "status", "success", ""))
        await rig.child.state.ledger.flush()
    await rig.child.state.ledger.send()


async def delivered(rig: Rig) -> None:
    await rig.settle()
    assert await rig.child.state.ledger.send()


def trail_in(folder: Path) -> list[str]:
    return (folder / "records.jsonl").read_text().splitlines()


@pytest.mark.parametrize(("when_full", "state"), [("refuse", "refused"), ("count", "done")])
def test_a_full_sink(tmp_path: Path, when_full: str, state: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        rig = rig_of(tmp_path, when_full)
        async with rig.running():
            await rig.add_user()
            await delivered(rig)
            async with full(rig):
                await events(rig, MOST + 7)
                shown = await facts(rig)
                assert shown["records"].startswith(f"{MOST} waiting: their sink does not take them; no more can wait: ")
                assert shown["records lost"] == "7"
                assert caplog.text.count("records_are_lost") == 1
                assert (await rig.step()).state == state
            await delivered(rig)
            assert (await rig.step()).state == "done"
            await delivered(rig)
            (lost,) = await rig.events("records.lost")
            # The login that went on is among what was lost; the one that was refused is counted too.
            assert lost["fields"]["count"] == 8
            assert (await facts(rig))["records lost"] == "8"
        verify(rig._digest, trail_in(tmp_path))

    asyncio.run(scene())


def test_the_alarm_comes_before_the_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        rig = rig_of(tmp_path, "refuse")
        async with rig.running():
            await delivered(rig)
            for _ in range(2):
                async with full(rig):
                    await events(rig, MOST * 3 // 4 - 1)
                    rig.pass_time(1)
                    assert "records_nearly_full" not in caplog.text
                    await events(rig, 1)
                    rig.pass_time(1)
                    rig.pass_time(1)
                    assert caplog.text.count("records_nearly_full") == 1
                assert (await facts(rig))["records lost"] == "0"
                caplog.clear()
                await delivered(rig)
                rig.pass_time(1)

    asyncio.run(scene())


def test_losses_are_not_forgotten_by_a_death(tmp_path: Path) -> None:
    async def scene() -> None:
        rig = rig_of(tmp_path, "refuse")
        async with rig.running(orderly=False), full(rig):
            await events(rig, MOST + 7)
            rig.pass_time(1)
            await rig.child.state.ledger.flush()
            lost = int((await facts(rig))["records lost"])
            assert lost
        async with rig.running():
            await delivered(rig)
            await events(rig, 1)
            (record,) = await rig.events("records.lost")
            # That this run started could not be recorded either.
            lost += 1
            assert record["fields"]["count"] == lost
        async with rig.running():
            await events(rig, 1)
            assert (await facts(rig))["records lost"] == str(lost)
            assert len(await rig.events("records.lost")) == 1, "told once"
        verify(rig._digest, trail_in(tmp_path))

    asyncio.run(scene())


def test_a_reload_changes_what_is_done(tmp_path: Path) -> None:
    async def scene() -> None:
        rig = rig_of(tmp_path, "refuse")
        async with rig.running():
            await rig.add_user()
            async with full(rig):
                await events(rig, MOST)
                assert (await rig.step()).state == "refused"
                old = rig.configuration
                new = dataclasses.replace(old, records=dataclasses.replace(old.records, when_full="count"))
                rig.child.state.settings.configuration = old
                with pytest.MonkeyPatch.context() as patch:
                    # The sink follows its name at a reload, and would be well again.
                    patch.setattr(type(rig.child.state.ledger.sink), "reopen", lambda self: None)
                    rig.child.reconfigure(new, 2)
                assert (await rig.step()).state == "done"

    asyncio.run(scene())
