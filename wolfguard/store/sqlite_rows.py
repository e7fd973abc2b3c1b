# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes and rows as SQL: one statement a change, every column named, every value bound."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import astuple, fields

from wolfguard.store.interface import (
    AccountingRow,
    Change,
    DropAccounting,
    DropFailure,
    DropRests,
    DropSession,
    DropUser,
    FailureRow,
    NoteLogin,
    PutAccounting,
    PutFailure,
    PutRecord,
    PutRest,
    PutSession,
    PutUser,
    PutValue,
    RecordRow,
    RenewVerifier,
    RestRow,
    SessionRow,
    SetVerifier,
    Snapshot,
    StoreError,
    TrimRecords,
    User,
)

_SESSION_COLUMNS = ", ".join("grp" if each.name == "group" else each.name for each in fields(SessionRow))
_FAILURE_COLUMNS = ", ".join(each.name for each in fields(FailureRow))

# INSERT OR REPLACE would reset columns that a newer version has added: name what changes instead.
_UPSERT_SESSION = (
    f"INSERT INTO session ({_SESSION_COLUMNS}) VALUES ({', '.join('?' * len(fields(SessionRow)))}) "  # noqa: S608
    "ON CONFLICT (session) DO UPDATE SET cookie_hash = excluded.cookie_hash, user = excluded.user, grp = excluded.grp, "
    "site = excluded.site, ipv4 = excluded.ipv4, ipv6 = excluded.ipv6, place = excluded.place, slot = excluded.slot, "
    "epoch = excluded.epoch, created = excluded.created, connected = excluded.connected, "
    "deadline = excluded.deadline, expires = excluded.expires, facts = excluded.facts, "
    "granted = excluded.granted, accounting = excluded.accounting"
)
_UPSERT_FAILURE = (
    f"INSERT INTO failure ({_FAILURE_COLUMNS}) VALUES ({', '.join('?' * len(fields(FailureRow)))}) "  # noqa: S608
    "ON CONFLICT (kind, key) DO UPDATE SET known = excluded.known, count = excluded.count, "
    "window_start = excluded.window_start, locked_until = excluded.locked_until, consecutive = excluded.consecutive"
)
_UPSERT_REST = (
    "INSERT INTO rest (address, owner, until) VALUES (?, ?, ?) "
    "ON CONFLICT (address) DO UPDATE SET owner = excluded.owner, until = excluded.until"
)
_UPSERT_VALUE = "INSERT INTO value (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_UPSERT_RECORD = (
    "INSERT INTO record (number, text) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET text = excluded.text"
)
_UPSERT_ACCOUNTING = (
    "INSERT INTO accounting (number, backend, event) VALUES (?, ?, ?) "
    "ON CONFLICT (number) DO UPDATE SET backend = excluded.backend, event = excluded.event"
)
_INSERT_USER = "INSERT INTO user (name, verifier, groups, created, last_login) VALUES (?, ?, ?, ?, ?)"


def write(connection: sqlite3.Connection, change: Change) -> None:
    """Executes one change; raises StoreError where the row contradicts it, sqlite3.Error where the file does."""
    execute = connection.execute
    match change:
        case PutSession(row):
            execute(_UPSERT_SESSION, astuple(row))
        case DropSession(session):
            execute("DELETE FROM session WHERE session = ?", (session,))
        case PutFailure(failure):
            execute(_UPSERT_FAILURE, astuple(failure))
        case DropFailure(kind, key):
            execute("DELETE FROM failure WHERE kind = ? AND key = ?", (kind, key))
        case PutRest(rest):
            execute(_UPSERT_REST, astuple(rest))
        case DropRests(until):
            execute("DELETE FROM rest WHERE until <= ?", (until,))
        case PutRecord(record):
            execute(_UPSERT_RECORD, astuple(record))
        case TrimRecords(number):
            execute("DELETE FROM record WHERE number < ? AND number < (SELECT max(number) FROM record)", (number,))
        case PutValue(name, value):
            execute(_UPSERT_VALUE, (name, value))
        case PutAccounting(event):
            execute(_UPSERT_ACCOUNTING, astuple(event))
        case DropAccounting(number):
            execute("DELETE FROM accounting WHERE number = ?", (number,))
        case PutUser() | DropUser() | SetVerifier() | RenewVerifier() | NoteLogin():
            _write_user(connection, change)


def _write_user(
    connection: sqlite3.Connection, change: PutUser | DropUser | SetVerifier | RenewVerifier | NoteLogin
) -> None:
    match change:
        case PutUser(row):
            try:
                connection.execute(
                    _INSERT_USER, (row.name, row.verifier, json.dumps(row.groups), row.created, row.last_login)
                )
            except sqlite3.IntegrityError as error:
                raise StoreError(f"user {row.name!r} exists already; set a new password instead") from error
        case DropUser(name):
            _one_row(connection.execute("DELETE FROM user WHERE name = ?", (name,)), name)
        case SetVerifier(name, verifier):
            _one_row(connection.execute("UPDATE user SET verifier = ? WHERE name = ?", (verifier, name)), name)
        case RenewVerifier(name, old, new):
            connection.execute("UPDATE user SET verifier = ? WHERE name = ? AND verifier = ?", (new, name, old))
        case NoteLogin(name, time):
            # The user may have been removed while the password was being checked: then there is nothing to note.
            connection.execute("UPDATE user SET last_login = ? WHERE name = ?", (time, name))


def _one_row(cursor: sqlite3.Cursor, name: str) -> None:
    if cursor.rowcount != 1:
        raise StoreError(f"there is no user {name!r}; see the list of users")


def read_snapshot(connection: sqlite3.Connection) -> Snapshot:
    """Everything but the users, in stable order."""
    sessions = connection.execute(f"SELECT {_SESSION_COLUMNS} FROM session ORDER BY session")  # noqa: S608
    failures = connection.execute(f"SELECT {_FAILURE_COLUMNS} FROM failure ORDER BY kind, key")  # noqa: S608
    rests = connection.execute("SELECT address, owner, until FROM rest ORDER BY until, address")
    records = connection.execute("SELECT number, text FROM record ORDER BY number")
    values = connection.execute("SELECT name, value FROM value ORDER BY name")
    accounting = connection.execute("SELECT number, backend, event FROM accounting ORDER BY number")
    return Snapshot(
        tuple(SessionRow(*row) for row in sessions),
        tuple(FailureRow(row[0], row[1], bool(row[2]), *row[3:]) for row in failures),
        tuple(RestRow(*row) for row in rests),
        tuple(RecordRow(*row) for row in records),
        tuple((name, value) for name, value in values),
        tuple(AccountingRow(*row) for row in accounting),
    )


def read_users(connection: sqlite3.Connection, condition: str, values: tuple[object, ...]) -> tuple[User, ...]:
    """Users that meet a condition written by this package."""
    rows = connection.execute(
        f"SELECT name, verifier, groups, created, last_login FROM user {condition}",  # noqa: S608
        values,
    )
    return tuple(User(name, verifier, tuple(json.loads(groups)), *times) for name, verifier, groups, *times in rows)
