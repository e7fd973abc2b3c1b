# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded store: one SQLite file, one connection, one thread that owns it.

Concurrent `apply` calls share a commit: while one transaction is being written, later calls gather and become the next,
so the number of disk flushes follows the disk's speed and not the number of logins. A call whose change is refused
is rolled back alone (a savepoint each); a file that cannot be written fails all calls of that commit.

Settings and why:
- journal_mode=WAL: a commit appends to one file and never rewrites pages under a reader; a crash leaves it replayable.
- synchronous=FULL: in WAL mode NORMAL may lose the last commits at a power cut, and then a removed user, a
  logged-out cookie or a lifted lockout would come back, and the records' chain would fork.
- locking_mode=EXCLUSIVE: one process owns the state; a second one must fail at start. No shared-memory file is needed.
- A copy is VACUUM INTO a file beside the state: one moment, whole pages, and nothing of the log is needed with it.
- trusted_schema=OFF, cell_size_check=ON: a damaged or doctored file yields errors, not behaviour.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

from wolfguard.store.interface import Change, Snapshot, StoreError, User
from wolfguard.store.sqlite_rows import read_snapshot, read_users, write
from wolfguard.store.sqlite_schema import MIGRATIONS, migrate

_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON",
    # The log is cut back after a checkpoint, so that a burst does not keep its disk space for ever.
    "PRAGMA journal_size_limit = 8388608",
)
_LOCK_WAIT_SECONDS: Final = 5.0

Job = tuple[Callable[[sqlite3.Connection], object], "asyncio.Future[object]", str]

# What a job does. A copy has the connection to itself: SQLite makes none within a transaction.
_READ: Final = "read"
_CHANGE: Final = "change"
_COPY: Final = "copy"


def open_database(path: str, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """Opens or makes the file (mode 0600) and brings it up to date; raises StoreError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        connection = sqlite3.connect(
            path, timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the state file {path}: {error}") from error
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        migrate(connection, migrations)
        # The first write takes the exclusive lock now and not in mid-service.
        connection.executescript("BEGIN IMMEDIATE; COMMIT;")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(
            f"cannot use the state file {path}: {error}; is another sessiond running, is the disk full?"
        ) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _copies(path: str) -> list[str]:
    """Copies that nobody has taken away."""
    folder, name = os.path.split(path)
    return [entry.path for entry in os.scandir(folder or ".") if entry.name.startswith(f"{name}.copy-")]


class SqliteStore:
    """Implements `interface.Store`. Construct and `load` before the sandbox; the thread starts at the first other call,
    so that it too is confined; `close` ends it."""

    def __init__(self, path: str, migrations: Sequence[str] = MIGRATIONS) -> None:
        self._connection = open_database(path, migrations)
        self._path = path
        self._copies = 0
        for left in _copies(path):
            os.unlink(left)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.commits = 0

    def load(self) -> Snapshot:
        if self._thread is not None:
            raise StoreError("the state is loaded once, before anything is written")
        try:
            return read_snapshot(self._connection)
        except sqlite3.Error as error:
            raise StoreError(f"cannot read the state file: {error}; restore it from a copy or move it away") from error

    def apply_at_start(self, changes: Sequence[Change]) -> None:
        if self._thread is not None:
            raise StoreError("the store's thread is at work already")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change in changes:
                write(self._connection, change)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise StoreError(f"the state could not be written: {error}; free disk space or repair the file") from error

    async def apply(self, changes: Sequence[Change]) -> None:
        batch = tuple(changes)

        def run(connection: sqlite3.Connection) -> None:
            for change in batch:
                write(connection, change)

        await self._submit(run, _CHANGE)

    async def user(self, name: str) -> User | None:
        found = await self._users("WHERE name = ?", (name,))
        return found[0] if found else None

    async def users(self, after: str, limit: int) -> tuple[User, ...]:
        return await self._users("WHERE name > ? ORDER BY name LIMIT ?", (after, limit))

    async def copy(self) -> str:
        self._copies += 1
        path = f"{self._path}.copy-{self._copies}"

        def run(connection: sqlite3.Connection) -> None:
            # An empty file of ours is taken; SQLite itself would make one with the mode that the umask leaves.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            try:
                connection.execute("VACUUM INTO ?", (path,))
            except sqlite3.Error:
                os.unlink(path)
                raise

        await self._submit(run, _COPY)
        return os.path.basename(path)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            # At most one commit is under way: the wait is that of one flush to disk.
            self._thread.join()
        self._connection.close()

    async def _users(self, condition: str, values: tuple[object, ...]) -> tuple[User, ...]:
        found = await self._submit(lambda connection: read_users(connection, condition, values), _READ)
        assert isinstance(found, tuple)  # noqa: S101
        return found

    async def _submit(self, run: Callable[[sqlite3.Connection], object], kind: str) -> object:
        if self._closed:
            raise StoreError("the store is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="store", daemon=True)
            self._thread.start()
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._jobs.put((run, future, kind))
        return await future

    # --- the store's thread ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            jobs: list[Job] = []
            while job is not None:
                jobs.append(job)
                if self._jobs.empty():
                    break
                job = self._jobs.get()
            if together := [each for each in jobs if each[2] != _COPY]:
                self._batch(together)
            for each in jobs:
                if each[2] == _COPY:
                    self._batch([each])
            if job is None:
                return

    def _batch(self, jobs: Sequence[Job]) -> None:
        results: list[tuple[Job, object]] = []
        writing = any(kind == _CHANGE for _, _, kind in jobs)
        try:
            if writing:
                self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                results.append((job, self._one(job)))
            if writing:
                self._connection.execute("COMMIT")
                self.commits += 1
        except Exception as error:
            # Also what nobody expected: this thread must answer every caller, or logins would hang for ever.
            self._roll_back()
            failure = StoreError(f"the state could not be written or read: {error}; free disk space or repair the file")
            results = [(job, failure) for job in jobs]
        for (_, future, _), result in results:
            # A loop that has ended has nobody waiting on it.
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_settle, future, result)

    def _one(self, job: Job) -> object:
        run, _, kind = job
        if kind != _CHANGE:
            return run(self._connection)
        self._connection.execute("SAVEPOINT one")
        try:
            result = run(self._connection)
        except StoreError as error:
            self._connection.execute("ROLLBACK TO one")
            result = error
        self._connection.execute("RELEASE one")
        return result

    def _roll_back(self) -> None:
        # SQLite may have rolled back by itself (disk full does); then there is nothing left to undo.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _settle(future: asyncio.Future[object], result: object) -> None:
    if future.done():
        return
    if isinstance(result, StoreError):
        future.set_exception(result)
    else:
        future.set_result(result)
