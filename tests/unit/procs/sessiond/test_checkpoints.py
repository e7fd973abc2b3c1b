# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints in a whole sessiond: at the start, by number and time, at the stop, and without keyd."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.unit.procs.sessiond.rig import AUDITOR, Rig, a_configuration
from wolfguard.config.site import OwnKeys, Records
from wolfguard.errors import PeerError
from wolfguard.ipc.management import AdminEvent, AskSessiondStatus
from wolfguard.records.checkpoint import FIRST, Statement, read
from wolfguard.records.record import verify


class Notary:
    """Signs in its own way; `silent`: keyd is away."""

    def __init__(self, public: str) -> None:
        self.key = f"fingerprint of {public}"
        self.ready = False
        self.silent = False
        self.gate: asyncio.Event | None = None

    def attach(self, descriptor: int) -> None:
        os.close(descriptor)
        self.ready = True

    async def sign(self, data: bytes) -> bytes:
        if self.gate is not None:
            await self.gate.wait()
        if self.silent:
            raise PeerError("no_signature", "keyd is not there at present")
        return b"signed: " + data


class Ground:
    def __init__(self, folder: Path, *, records: int = 10, seconds: int = 60) -> None:
        self.notaries: list[Notary] = []
        path = str(folder / "records.jsonl")
        configuration = a_configuration(
            folder,
            records=Records("file", path, checkpoint_records=records, checkpoint_seconds=seconds),
            own_keys=OwnKeys(checkpoint="our key"),
        )
        self.rig = Rig(folder, configuration, notary=self._notary)
        self.path = Path(path)

    def _notary(self, public: str) -> Notary:
        self.notaries.append(Notary(public))
        return self.notaries[-1]

    def attach(self) -> None:
        one, other = socket.socketpair()
        one.close()
        self.rig.child.state.checkpoints.attach(other.detach())

    async def event(self, count: int = 1) -> None:
        for _ in range(count):
            await self.rig.ask(AdminEvent(AUDITOR, "status", "success", ""))
        await self.rig.settle()

    async def tick(self, seconds: float = 1.0) -> None:
        self.rig.pass_time(seconds)
        await self.rig.settle()

    async def checkpoints(self) -> list[tuple[int, Statement]]:
        found = []
        for record in await self.rig.events("records.checkpoint"):
            statement, signature = read(record["fields"])
            assert signature == b"signed: " + statement.signed()
            found.append((record["sequence"], statement))
        return found


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def drive(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def test_at_the_start_then_by_number_and_by_time(ground: Ground) -> None:
    async def scene() -> None:
        async with ground.rig.running() as rig:
            await ground.tick()
            assert await ground.checkpoints() == [], "there is no way to the key yet"
            ground.attach()
            await ground.tick()
            ((number, first),) = await ground.checkpoints()
            assert (first.upto, first.count, first.before, first.lost) == (number - 1, number - 1, FIRST, 0)
            assert first.key == "fingerprint of our key"
            await ground.tick(1000)
            assert len(await ground.checkpoints()) == 1, "nothing has happened since"
            await ground.event(9)
            await ground.tick()
            assert len(await ground.checkpoints()) == 2, "by time"
            await ground.event(10)
            await ground.tick()
            found = await ground.checkpoints()
            assert len(found) == 3, "by number"
            assert [each.count for _, each in found[1:]] == [10, 11]
            texts = {record["sequence"]: record["hash"] for record in rig.records()}
            for _, statement in found:
                assert statement.head == texts[statement.upto]

    drive(scene)


def test_a_clean_stop_covers_everything_and_the_next_run_goes_on_from_it(ground: Ground) -> None:
    async def scene() -> None:
        async with ground.rig.running():
            ground.attach()
            await ground.event(3)
        lines = ground.path.read_text().splitlines()
        assert '"event":"records.checkpoint"' in lines[-1]
        assert '"event":"gateway.stopped"' in lines[-2]
        async with ground.rig.running() as rig:
            before = len(await ground.checkpoints())
            ground.attach()
            await ground.tick()
            found = await ground.checkpoints()
            assert len(found) == before + 1
            (_, last), (_, now) = found[-2:]
            assert now.before == rig._digest(last.signed()).hex()
            assert now.count == now.upto - last.upto
        verify(rig._digest, ground.path.read_text().splitlines())

    drive(scene)


def test_records_made_while_it_is_signed_come_before_it(ground: Ground) -> None:
    async def scene() -> None:
        async with ground.rig.running() as rig:
            ground.attach()
            (notary,) = ground.notaries
            notary.gate = asyncio.Event()
            rig.pass_time(1)
            await asyncio.sleep(0)
            assert not rig.child.state.checkpoints.due, "one at a time"
            for _ in range(5):
                await rig.ask(AdminEvent(AUDITOR, "status", "success", ""))
            notary.gate.set()
            await rig.settle()
            ((number, statement),) = await ground.checkpoints()
            assert number == statement.upto + 6

    drive(scene)


def test_without_keyd_the_trail_goes_on_and_the_status_says_so(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with ground.rig.running() as rig:
            ground.attach()
            (notary,) = ground.notaries
            notary.silent = True
            for _ in range(4):
                await ground.tick(10)
            assert await ground.checkpoints() == []
            assert caplog.text.count("checkpoint_not_signed") == 1
            status = await rig.ask(AskSessiondStatus())
            facts = {fact.name: fact.value for fact in status.facts}
            assert facts["checkpoints"] == "none yet; keyd does not sign at present"
            notary.silent = False
            await ground.event(20)
            await ground.tick(10)
            ((_, statement),) = await ground.checkpoints()
            assert statement.count == statement.upto
            status = await rig.ask(AskSessiondStatus())
            facts = {fact.name: fact.value for fact in status.facts}
            assert facts["checkpoints"] == f"signed up to record {statement.upto}, 0 behind it"

    drive(scene)


def test_a_gateway_without_a_key_says_so(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.rig.configuration = dataclasses.replace(ground.rig.configuration, own_keys=OwnKeys())

    async def scene() -> None:
        async with ground.rig.running() as rig:
            ground.attach()
            await ground.tick()
            assert await ground.checkpoints() == []
            status = await rig.ask(AskSessiondStatus())
            assert "none: this gateway has no key for them" in {fact.value for fact in status.facts}

    drive(scene)
