# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the SQLite store and how one version of them becomes the next.

A migration only adds (tables, columns with a default), so that the version of wolfguard before it still reads and
writes the same file: an upgrade can be taken back. `user_version` counts the migrations; `oldest_reader` (a row of
`value`) is the lowest schema version whose program may still open the file, and rises only when something is removed
that no supported version uses any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wolfguard.store.interface import StoreError

# "WGWY": tells our file from any other SQLite database.
APPLICATION_ID = 0x57475759

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE user (
        name TEXT PRIMARY KEY,
        verifier TEXT NOT NULL,
        groups TEXT NOT NULL DEFAULT '[]',
        created INTEGER NOT NULL,
        last_login INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session (
        session INTEGER PRIMARY KEY,
        cookie_hash BLOB NOT NULL UNIQUE,
        user TEXT NOT NULL,
        grp TEXT NOT NULL,
        site TEXT NOT NULL,
        ipv4 TEXT NOT NULL DEFAULT '',
        ipv6 TEXT NOT NULL DEFAULT '',
        place INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        created INTEGER NOT NULL,
        connected INTEGER NOT NULL,
        deadline INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        facts TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE TABLE failure (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        known INTEGER NOT NULL,
        count INTEGER NOT NULL,
        window_start INTEGER NOT NULL,
        locked_until INTEGER NOT NULL,
        consecutive INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rest (
        address TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE record (
        number INTEGER PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT;
    CREATE TABLE value (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO value (name, value) VALUES ('oldest_reader', 1);
    """,
    # A column of its own rather than one more of the facts: the version before writes those anew and would lose it.
    """
    ALTER TABLE session ADD COLUMN granted TEXT NOT NULL DEFAULT '{}';
    """,
    """
    ALTER TABLE session ADD COLUMN accounting TEXT NOT NULL DEFAULT '';
    CREATE TABLE accounting (
        number INTEGER PRIMARY KEY,
        backend TEXT NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    """,
)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> int:
    """Brings the file to `len(migrations)` or leaves a newer, still readable one alone; returns its version.

    Raises StoreError for a foreign file and for one that this version may not touch.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (application or tables) and application != APPLICATION_ID:
        raise StoreError("the state file is not a wolfguard database; move it away or name another paths.state")
    if version > len(migrations):
        return require_readable(connection, len(migrations))
    for number in range(version, len(migrations)):
        # One transaction a step: a crash leaves the step before, whole.
        connection.executescript(
            f"BEGIN IMMEDIATE; {migrations[number]}; PRAGMA user_version = {number + 1}; "
            f"PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
        )
    return len(migrations)


def require_readable(connection: sqlite3.Connection, migrations: int) -> int:
    """Schema of a file of ours. Raises StoreError when a program with so many migrations may not use it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > migrations:
        (oldest,) = connection.execute("SELECT value FROM value WHERE name = 'oldest_reader'").fetchone()
        if oldest > migrations:
            raise StoreError(
                f"the state file has schema {version}, which needs a program of schema {oldest} or newer; "
                f"this one is {migrations}: install the newer version again"
            )
    return int(version)
