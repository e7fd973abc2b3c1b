# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded store: what comes back, shared commits, a killed writer, a full disk."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wolfguard.store.interface import (
    Change,
    DropFailure,
    DropRests,
    DropSession,
    DropUser,
    FailureRow,
    NoteLogin,
    PutFailure,
    PutRecord,
    PutRest,
    PutSession,
    PutUser,
    PutValue,
    RecordRow,
    RestRow,
    SessionRow,
    SetVerifier,
    StoreError,
    TrimRecords,
    User,
)
from wolfguard.store.sqlite import SqliteStore, open_database

SESSION = SessionRow(7, b"h" * 32, "anna", "staff", "main", "10.0.0.2", "", 3, 1, 9, 100, 110, 0, 500, "{}")
FAILURE = FailureRow("account", "anna", True, 2, 100, 0, 4)
USER = User("anna", "verifier", ("staff", "it"), 100)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.sqlite")


def apply(path: str, *changes: Change) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        try:
            await store.apply(changes)
        finally:
            await store.close()

    asyncio.run(run())


def test_everything_comes_back_after_a_restart(path: str) -> None:
    apply(
        path,
        PutSession(SESSION),
        PutFailure(FAILURE),
        PutRest(RestRow("10.0.0.9", "bert", 300)),
        PutRecord(RecordRow(1, '{"a":1}')),
        PutValue("epochs", 65536),
    )
    store = SqliteStore(path)
    snapshot = store.load()
    asyncio.run(store.close())
    assert snapshot.sessions == (SESSION,)
    assert snapshot.failures == (FAILURE,)
    assert snapshot.rests == (RestRow("10.0.0.9", "bert", 300),)
    assert snapshot.records == (RecordRow(1, '{"a":1}'),)
    assert dict(snapshot.values)["epochs"] == 65536


def test_changes_replace_and_remove_rows(path: str) -> None:
    moved = SessionRow(7, b"h" * 32, "anna", "staff", "main", "10.0.0.2", "", 3, 0, 12, 100, 110, 0, 500, "{}")
    apply(path, PutSession(SESSION), PutFailure(FAILURE), PutRest(RestRow("10.0.0.9", "bert", 300)))
    apply(path, PutSession(moved), DropFailure("account", "anna"), DropRests(300))
    store = SqliteStore(path)
    snapshot = store.load()
    assert (snapshot.sessions, snapshot.failures, snapshot.rests) == ((moved,), (), ())
    store.apply_at_start([DropSession(7)])
    assert store.load().sessions == ()
    asyncio.run(store.close())


def test_the_head_of_the_chain_is_never_trimmed(path: str) -> None:
    apply(path, *(PutRecord(RecordRow(number, "{}")) for number in range(1, 6)), TrimRecords(4))
    apply(path, TrimRecords(100))
    store = SqliteStore(path)
    assert [row.number for row in store.load().records] == [5]
    asyncio.run(store.close())


def test_users(path: str) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        await store.apply([PutUser(USER)])
        with pytest.raises(StoreError, match="exists already"):
            await store.apply([PutUser(USER)])
        assert await store.user("anna") == USER
        assert await store.user("Anna") is None
        await store.apply([SetVerifier("anna", "other"), NoteLogin("anna", 777), NoteLogin("nobody", 1)])
        assert await store.user("anna") == User("anna", "other", ("staff", "it"), 100, 777)
        await store.apply([PutUser(User(name, "v", (), 1)) for name in ("bert", "carla")])
        assert [user.name for user in await store.users("anna", 1)] == ["bert"]
        await store.apply([DropUser("bert")])
        with pytest.raises(StoreError, match="no user 'bert'"):
            await store.apply([DropUser("bert")])
        assert [user.name for user in await store.users("", 10)] == ["anna", "carla"]
        await store.close()

    asyncio.run(run())


def test_concurrent_callers_share_commits_and_a_refused_one_fails_alone(path: str) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        await store.apply([PutUser(USER)])
        jobs = [store.apply([PutUser(User(f"user{number}", "v", (), 1))]) for number in range(200)]
        jobs.insert(100, store.apply([PutValue("half", 1), PutUser(USER)]))
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(each) for each in outcomes if each is not None] == [StoreError]
        assert len(await store.users("", 500)) == 201
        assert store.commits < 100
        await store.close()
        again = SqliteStore(path)
        assert "half" not in dict(again.load().values)
        await again.close()

    asyncio.run(run())


def test_one_process_owns_the_state(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfguard.store.sqlite._LOCK_WAIT_SECONDS", 0.0)
    first = open_database(path)
    with pytest.raises(StoreError, match="another sessiond"):
        open_database(path)
    first.close()


def test_the_file_is_private(path: str) -> None:
    open_database(path).close()
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_path_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="cannot open"):
        open_database(str(tmp_path / "link"))


def test_a_damaged_file_is_refused(path: str) -> None:
    Path(path).write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match="cannot use the state file"):
        open_database(path)


def test_a_closed_store_refuses(path: str) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        await store.close()
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.apply([])

    asyncio.run(run())


WRITER = """
import asyncio, sys
from wolfguard.store.interface import PutRecord, PutUser, RecordRow, User
from wolfguard.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1])
    number = 0
    while True:
        number += 1
        await store.apply([PutUser(User(f"user{number}", "v", (), 1)), PutRecord(RecordRow(number, "{}"))])
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_killed_writer_loses_nothing_that_it_reported(path: str) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(50):
        writer.stdout.readline()
    writer.kill()
    rest = writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    reported = int(rest[-1]) if rest else 50

    async def run() -> None:
        store = SqliteStore(path)
        records = [row.number for row in store.load().records]
        users = await store.users("", 100_000)
        # Whole changes only, without a gap, and at least what was reported; one more may have been under way.
        assert records == list(range(1, len(records) + 1))
        assert len(users) == len(records)
        assert reported <= len(records) <= reported + 1
        await store.close()

    asyncio.run(run())


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow past 256 KiB: what a full disk looks like to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_fails_the_change_and_keeps_what_was(path: str) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        await store.apply([PutUser(USER)])
        with pytest.raises(StoreError, match="could not be written"):
            await store.apply([PutRecord(RecordRow(number, "x" * 1000)) for number in range(1, 1000)])
        assert await store.user("anna") == USER
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await store.apply([PutRecord(RecordRow(1, "y"))])
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.close()
        again = SqliteStore(path)
        assert again.load().records == (RecordRow(1, "y"),)
        await again.close()

    asyncio.run(run())


def test_settings_are_in_force(path: str) -> None:
    connection = open_database(path)
    wanted = {"journal_mode": "wal", "synchronous": 2, "locking_mode": "exclusive", "trusted_schema": 0}
    assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted
    lax = connection.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0").fetchall()
    assert lax == [("sqlite_schema",)]
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO value (name, value) VALUES ('x', 'text')")
    connection.close()
