# SPDX-License-Identifier: GPL-3.0-or-later
"""Group commits and the life of a record: made, stored, delivered."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import pytest

from wolfguard.procs.sessiond import ledger as ledger_module
from wolfguard.procs.sessiond.ledger import DELIVERED, Key, Ledger
from wolfguard.records.record import Record
from wolfguard.records.trail import Trail
from wolfguard.store.interface import Change, PutRecord, PutValue, Store, StoreError


class FakeStore:
    def __init__(self) -> None:
        self.commits: list[tuple[Change, ...]] = []
        self.broken = False
        self.gate: asyncio.Event | None = None

    async def apply(self, changes: Sequence[Change]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreError("full")
        self.commits.append(tuple(changes))

    async def close(self) -> None:
        pass


class FakeSink:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.takes = 1000
        self.broken = False

    def write(self, records: Sequence[Record]) -> int:
        if self.broken:
            raise OSError(28, "No space left on device")
        taken = records[: self.takes]
        self.texts += [record.text for record in taken]
        return len(taken)

    def close(self) -> None:
        pass


class Ground:
    def __init__(self) -> None:
        self.store = FakeStore()
        self.sink = FakeSink()
        self.values: dict[str, int] = {}
        self.durable: list[Change] = []
        trail = Trail(lambda data: hashlib.sha256(data).digest())
        self.ledger = Ledger(cast(Store, self.store), trail, self.sink, self.state_of, self.durable.append, lambda: 1.0)

    def state_of(self, key: Key) -> Change:
        name = str(key[1])
        return self.ledger.delivered() if name == DELIVERED else PutValue(name, self.values[name])

    def event(self) -> None:
        self.ledger.record("worker.lost", "failure", slot=1, count=1)

    def sequences(self) -> list[int]:
        return [json.loads(text)["sequence"] for text in self.sink.texts]


def drive(scene: Callable[[Ground], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await scene(Ground())

    asyncio.run(run())


def test_a_row_touched_often_is_written_once_as_it_is_then() -> None:
    async def scene(ground: Ground) -> None:
        for value in range(5):
            ground.values["x"] = value
            ground.ledger.touch(("value", "x"))
        assert await ground.ledger.flush()
        assert ground.store.commits == [(PutValue("x", 4),)]
        assert ground.durable == [PutValue("x", 4)]
        assert await ground.ledger.flush()
        assert len(ground.store.commits) == 1, "nothing to do, nothing written"

    drive(scene)


def test_waiters_share_a_commit_and_later_ones_get_the_next() -> None:
    async def scene(ground: Ground) -> None:
        ground.values["x"] = 1
        ground.store.gate = asyncio.Event()
        keeping = asyncio.create_task(ground.ledger.keep())
        ground.ledger.touch(("value", "x"))
        first = [asyncio.create_task(ground.ledger.flushed()) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ground.values["x"] = 2
        ground.ledger.touch(("value", "x"))
        second = [asyncio.create_task(ground.ledger.flushed()) for _ in range(10)]
        await asyncio.sleep(0)
        ground.store.gate.set()
        await asyncio.gather(*first, *second)
        assert ground.store.commits == [(PutValue("x", 1),), (PutValue("x", 2),)]
        keeping.cancel()

    drive(scene)


def test_what_waits_for_a_store_that_fails_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "CHANGES_MAX", 3)

    async def scene(ground: Ground) -> None:
        for number in range(5):
            ground.ledger.change(PutValue("x", number))
        ground.store.broken = True
        assert not await ground.ledger.flush()
        ground.ledger.change(PutValue("x", 5))
        ground.store.broken = False
        assert await ground.ledger.flush()
        (commit,) = ground.store.commits
        values = [change.value for change in commit if isinstance(change, PutValue) and change.name == "x"]
        assert values == [0, 1, 2, 3, 4], "what came while it was well, and nothing of the rest"
        ground.ledger.change(PutValue("x", 6))
        assert await ground.ledger.flush()

    drive(scene)


def test_only_what_may_go_on_unstored_does() -> None:
    async def scene(ground: Ground) -> None:
        keeping = asyncio.create_task(ground.ledger.keep())
        ground.store.broken = True
        for refusing in (True, False):
            ground.ledger.refusing = refusing
            ground.values["x"] = 1
            ground.ledger.touch(("value", "x"))
            with pytest.raises(StoreError):
                await ground.ledger.flushed()
            if refusing:
                with pytest.raises(StoreError):
                    await ground.ledger.kept()
            else:
                await ground.ledger.kept()
            assert ground.ledger.accepting == (not refusing)
        keeping.cancel()

    drive(scene)


def test_a_failed_write_fails_its_waiters_and_is_tried_again() -> None:
    async def scene(ground: Ground) -> None:
        ground.store.broken = True
        ground.values["x"] = 1
        ground.ledger.touch(("value", "x"))
        ground.ledger.change(PutValue("y", 5))
        waiter = asyncio.create_task(ground.ledger.flushed())
        await asyncio.sleep(0)
        assert not await ground.ledger.flush()
        with pytest.raises(StoreError):
            await waiter
        accepting = ground.ledger.accepting
        ground.store.broken = False
        ground.values["x"] = 2
        assert await ground.ledger.flush()
        assert (accepting, ground.ledger.accepting) == (False, True)
        (commit,) = ground.store.commits
        assert commit[:2] == (PutValue("y", 5), PutValue("x", 2))
        assert isinstance(commit[2], PutRecord)

    drive(scene)


def test_records_leave_only_when_they_are_stored() -> None:
    async def scene(ground: Ground) -> None:
        ground.event()
        assert await ground.ledger.send()
        assert ground.sequences() == []
        await ground.ledger.flush()
        assert await ground.ledger.send()
        assert ground.sequences() == [1]
        assert ground.ledger.delivered() == PutValue(DELIVERED, 1)

    drive(scene)


def test_a_slow_or_broken_sink_gets_the_rest_later_in_order() -> None:
    async def scene(ground: Ground) -> None:
        for _ in range(5):
            ground.event()
        await ground.ledger.flush()
        ground.sink.takes = 2
        assert not await ground.ledger.send()
        delivering = ground.ledger.delivering
        ground.sink.broken = True
        assert not await ground.ledger.send()
        ground.sink.takes, ground.sink.broken = 1000, False
        assert await ground.ledger.send()
        assert (delivering, ground.ledger.delivering) == (False, True)
        assert ground.sequences() == [1, 2, 3, 4, 5]

    drive(scene)


def test_readers_wait_for_what_is_stored() -> None:
    async def scene(ground: Ground) -> None:
        reading = asyncio.create_task(ground.ledger.read(0, 10, 60))
        await asyncio.sleep(0)
        ground.event()
        await ground.ledger.flush()
        texts, last = await reading
        assert (len(texts), last) == (1, 1)
        assert (await ground.ledger.read(1, 10, 0)) == ((), 1)

    drive(scene)


def test_after_the_close_nothing_happens_any_more() -> None:
    async def scene(ground: Ground) -> None:
        ground.event()
        await ground.ledger.close()
        assert ground.sequences() == [1]
        assert PutValue(DELIVERED, 1) in ground.store.commits[-1]
        ground.event()
        assert await ground.ledger.flush()
        assert await ground.ledger.send()
        assert ground.sequences() == [1]

    drive(scene)
