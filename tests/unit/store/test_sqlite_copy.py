# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the state: of a store at work and of a file at rest, judged before they are used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from wolfguard.store.interface import PutRecord, PutUser, PutValue, RecordRow, StoreError, User
from wolfguard.store.sqlite import SqliteStore
from wolfguard.store.sqlite_copy import RESTORED, copy_resting, judge, mark_restored, settle
from wolfguard.store.sqlite_schema import MIGRATIONS

ALICE = User("alice", "verifier", (), 1)


def test_of_a_store_at_work(tmp_path: Path) -> None:
    async def scenario() -> tuple[str, str]:
        store = SqliteStore(str(tmp_path / "state.sqlite"))
        store.load()
        await store.apply([PutUser(ALICE)])
        # What is asked for before is in it; what comes later is not, and does not wait.
        first, _ = await asyncio.gather(store.copy(), store.apply([PutRecord(RecordRow(1, "one"))]))
        second = await store.copy()
        await store.close()
        return first, second

    for name in asyncio.run(scenario()):
        copy = tmp_path / name
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert judge(copy) == len(MIGRATIONS)
        kept = SqliteStore(str(copy))
        kept.load()
        assert asyncio.run(kept.user("alice")) == ALICE
        asyncio.run(kept.close())


def test_a_start_takes_away_what_nobody_has_taken(tmp_path: Path) -> None:
    path = str(tmp_path / "state.sqlite")

    async def scenario() -> None:
        store = SqliteStore(path)
        await store.copy()
        await store.close()

    asyncio.run(scenario())
    assert len(os.listdir(tmp_path)) == 2
    asyncio.run(SqliteStore(path).close())
    assert os.listdir(tmp_path) == ["state.sqlite"]


def test_a_copy_that_cannot_be_made_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(str(tmp_path / "state.sqlite"))
        (tmp_path / "state.sqlite.copy-1").write_text("there already")
        with pytest.raises(StoreError, match="exists"):
            await store.copy()
        # The store is none the worse for it.
        await store.apply([PutUser(ALICE)])
        await store.copy()
        await store.close()

    asyncio.run(scenario())


def test_of_a_file_at_rest_with_what_only_its_log_has(tmp_path: Path) -> None:
    path, target = tmp_path / "state.sqlite", tmp_path / "copy"
    store = SqliteStore(str(tmp_path / "busy.sqlite"))
    store.apply_at_start([PutUser(ALICE)])
    # As a kill leaves them.
    for ending in ("", "-wal"):
        Path(f"{path}{ending}").write_bytes(Path(f"{tmp_path}/busy.sqlite{ending}").read_bytes())
    copy_resting(path, target)
    assert judge(target) == len(MIGRATIONS)
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT name FROM user").fetchall() == [("alice",)]
    assert not Path(f"{path}-wal").exists()
    assert not Path(f"{path}-shm").exists()
    asyncio.run(store.close())


def test_a_file_in_use_is_left_alone(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "state.sqlite"))
    with pytest.raises(StoreError, match="locked"):
        copy_resting(tmp_path / "state.sqlite", tmp_path / "copy")
    asyncio.run(store.close())


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no state file"):
        copy_resting(tmp_path / "state.sqlite", tmp_path / "copy")
    assert os.listdir(tmp_path) == []


def test_a_state_that_this_program_may_not_use_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = SqliteStore(str(path), (*MIGRATIONS, "CREATE TABLE later (x INTEGER) STRICT;"))
    asyncio.run(store.close())
    # One that only added is read, as after a way back from an update.
    assert judge(path) == len(MIGRATIONS) + 1
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE value SET value = ? WHERE name = 'oldest_reader'", (len(MIGRATIONS) + 1,))
    with pytest.raises(StoreError, match="install the newer version again"):
        judge(path)


def test_what_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to look like one to nobody")
    with closing(sqlite3.connect(tmp_path / "other")) as connection, connection:
        connection.execute("CREATE TABLE x (y)")
    for name in ("text", "other"):
        with pytest.raises(StoreError):
            judge(tmp_path / name)


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = SqliteStore(str(path))
    store.apply_at_start([PutRecord(RecordRow(number, "x" * 900)) for number in range(1, 100)])
    asyncio.run(store.close())
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 512] = b"\xff" * 512
    path.write_bytes(data)
    with pytest.raises(StoreError):
        judge(path)


def test_the_mark_is_a_value_of_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = SqliteStore(str(path))
    store.apply_at_start([PutValue("sessions", 7)])
    asyncio.run(store.close())
    mark_restored(path, 1_800_000_000)
    again = SqliteStore(str(path))
    assert dict(again.load().values) | {"oldest_reader": 1} == {
        "oldest_reader": 1, RESTORED: 1_800_000_000, "sessions": 7,
    }  # fmt: skip
    asyncio.run(again.close())


def test_no_log_is_left_beside_what_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = SqliteStore(str(tmp_path / "busy.sqlite"))
    store.apply_at_start([PutUser(ALICE)])
    for ending in ("", "-wal"):
        Path(f"{path}{ending}").write_bytes(Path(f"{tmp_path}/busy.sqlite{ending}").read_bytes())
    asyncio.run(store.close())
    settle(path)
    assert {each.name for each in tmp_path.glob("state*")} == {"state.sqlite"}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM user").fetchall() == [("alice",)]
    path.write_text("no database")
    Path(f"{path}-wal").write_text("nor its log")
    settle(path)
    assert {each.name for each in tmp_path.glob("state*")} == {"state.sqlite"}
    settle(tmp_path / "gone")
