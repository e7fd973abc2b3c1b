# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade can be taken back: the version before reads and writes what the next one made."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from wolfguard.store.interface import PutSession, PutUser, SessionRow, StoreError, User
from wolfguard.store.sqlite import SqliteStore, open_database
from wolfguard.store.sqlite_schema import MIGRATIONS

ADDING = """
    ALTER TABLE user ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
    CREATE TABLE device (name TEXT PRIMARY KEY) STRICT
"""
NEXT = len(MIGRATIONS) + 1
REMOVING = f"UPDATE value SET value = {NEXT} WHERE name = 'oldest_reader'"  # noqa: S608


def test_the_version_before_still_works_with_what_the_next_one_made(tmp_path: Path) -> None:
    path = str(tmp_path / "state.sqlite")
    open_database(path, (*MIGRATIONS, ADDING)).close()
    row = SessionRow(1, b"h", "anna", "", "main", "", "", 0, -1, 0, 1, 0, 301, 0, "{}")

    async def run() -> None:
        store = SqliteStore(path)
        await store.apply([PutUser(User("anna", "v", (), 1)), PutSession(row)])
        await store.close()

    asyncio.run(run())
    connection = open_database(path, (*MIGRATIONS, ADDING))
    connection.execute("UPDATE session SET device = 'phone'")
    assert connection.execute("PRAGMA user_version").fetchone() == (NEXT,)
    connection.close()

    async def again() -> None:
        store = SqliteStore(path)
        assert store.load().sessions == (row,)
        await store.apply([PutSession(row)])
        await store.close()

    asyncio.run(again())
    connection = open_database(path, (*MIGRATIONS, ADDING))
    assert connection.execute("SELECT device FROM session").fetchone() == ("phone",), "a write must not reset it"
    connection.close()


def test_a_file_that_needs_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "state.sqlite")
    open_database(path, (*MIGRATIONS, REMOVING)).close()
    with pytest.raises(StoreError, match=f"needs a program of schema {NEXT}"):
        open_database(path)


def test_foreign_databases_are_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "other.sqlite")
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StoreError, match="not a wolfguard database"):
        open_database(path)


def test_a_failed_migration_leaves_the_version_before(tmp_path: Path) -> None:
    path = str(tmp_path / "state.sqlite")
    with pytest.raises(StoreError):
        open_database(path, (*MIGRATIONS, "CREATE TABLE half (x INTEGER) STRICT; CREATE TABLE user (x)"))
    connection = open_database(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)
    connection.close()
