# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the state file outside of a gateway: made from one that does not run, judged, and marked as put back.

A running gateway makes its copy itself (`SqliteStore.copy`). Whoever calls this keeps gateways away from the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wolfguard.store.interface import PutValue, StoreError
from wolfguard.store.sqlite_rows import write
from wolfguard.store.sqlite_schema import APPLICATION_ID, MIGRATIONS, require_readable

RESTORED: Final = "restored"
"""Value by which the next start learns that the state came from a backup: Unix time when that was made."""


def copy_resting(path: Path, target: Path) -> None:
    """Everything that is in the file and its log, to a new file for root alone. Raises StoreError."""
    if not path.is_file():
        raise StoreError(f"there is no state file {path}; start the gateway once, or correct paths.state")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with _opened(path) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def judge(path: Path, migrations: int = len(MIGRATIONS)) -> int:
    """Schema of a copy that is whole and that a program with so many migrations can use. Raises StoreError."""
    with _opened(path) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise StoreError("the state in it is not a wolfguard database")
        schema = require_readable(connection, migrations)
        (word,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if word != "ok":
            raise StoreError(f"the state in it is damaged: {word}")
        return schema


def mark_restored(path: Path, made: int) -> None:
    """Raises StoreError."""
    with _opened(path) as connection:
        write(connection, PutValue(RESTORED, made))


def settle(path: Path) -> None:
    """Takes what is in the log of a state file into it, so that no log is left beside what takes its place. What is no
    database has none worth keeping."""
    if path.exists():
        with contextlib.suppress(StoreError), _opened(path) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    for ending in ("-wal", "-shm", "-journal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
            # No shared memory beside the file, and nothing of a doctored schema is executed.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"cannot use the state {path}: {error}") from error
