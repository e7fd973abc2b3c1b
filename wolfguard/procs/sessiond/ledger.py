# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the working state durable, in groups, and sends records on their way.

Whoever changes a row in memory touches its key here; a flush asks for the row's state as it is then and hands all of it
to the store as one change. So a row touched a hundred times is written once, a failed write is simply tried again, and
what waits is bounded by the number of rows. A login waits for `flushed`; a reconnect does not.

Order of a record's life: made, stored, delivered. Only stored records are shown or sent, so that nobody ever sees a
number that a crash could give out again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.waiters import settle
from wolfguard.records.record import Value
from wolfguard.records.schema import FAILURE
from wolfguard.records.sinks import Sink
from wolfguard.records.trail import Trail
from wolfguard.store.interface import Change, PutRecord, PutValue, RecordRow, Store, StoreError, TrimRecords

log = Log(__name__)

Key = tuple[str, object]
RETRY_SECONDS: Final = 1.0
DELIVERED: Final = "records-delivered"
LOST: Final = "records-lost"
LOST_TOLD: Final = "records-lost-told"
LOST_EVENT: Final = "records.lost"
CHANGES_MAX: Final = 16_384
_TRIM_EVERY: Final = 512


class Ledger:
    """`state_of(key)` gives the change that brings a row up to date; `on_durable` hears of every change stored.

    `clock` gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        trail: Trail,
        sink: Sink,
        state_of: Callable[[Key], Change],
        on_durable: Callable[[Change], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._trail = trail
        self.sink = sink
        self._state_of = state_of
        self._on_durable = on_durable
        self._clock = clock
        self._touched: dict[Key, None] = {}
        self._changes: list[Change] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._readers: set[asyncio.Future[None]] = set()
        self._wake = asyncio.Event()
        self._deliver = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, "records")
        self._flushing = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._closed = False
        self._trimmed = 0
        self.healthy = True
        self.delivering = True
        self.refusing = True
        """Whether what must be recorded and stored may not begin while it cannot be; else it goes on, unrecorded."""
        self._lost_noted = trail.lost

    # --- what everybody calls ----------------------------------------------------------------------------------------

    def touch(self, *keys: Key) -> None:
        """The rows of these keys have changed."""
        self._touched.update(dict.fromkeys(keys))
        self._wake.set()

    def change(self, change: Change) -> None:
        """Something small to store that no row in memory stands for, and that a later run can do without: last logins,
        resting addresses, verifiers hashed anew. While nothing can be stored, so many wait and the rest is dropped."""
        if not self.healthy and len(self._changes) >= CHANGES_MAX:
            return
        self._changes.append(change)
        self._wake.set()

    def record(
        self,
        name: str,
        outcome: str,
        *,
        who: str = "",
        where: str = "",
        session: int = 0,
        reason: str = "",
        **fields: Value,
    ) -> None:
        """Makes a record; it becomes durable with the next flush."""
        lost, told = self._trail.lost, self._trail.told
        self._trail.append(self._clock(), name, outcome, who=who, where=where, session=session, reason=reason, **fields)
        if lost == told and self._trail.lost > lost:
            log.error("records_are_lost", text="the store or the sink takes no more records; free disk space")
        self._wake.set()

    async def flushed(self) -> None:
        """Returns when everything touched and recorded so far is durable; raises StoreError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        self._wake.set()
        await future

    async def kept(self) -> None:
        """As `flushed`, for what may go on unstored where the site wants that. Raises StoreError."""
        try:
            await self.flushed()
        except StoreError:
            if self.refusing:
                raise

    def note_losses(self) -> None:
        """Has the count of lost events stored, if it has changed; called every second."""
        if self._trail.lost != self._lost_noted:
            self._lost_noted = self._trail.lost
            self.touch(("value", LOST))

    async def read(self, after: int, limit: int, wait: float) -> tuple[tuple[str, ...], int]:
        """Durable records above `after`; waits up to `wait` seconds for the first."""
        texts, last = self._trail.read(after, limit)
        if texts or wait <= 0:
            return texts, last
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers.add(future)
        try:
            async with asyncio.timeout(wait):
                await future
        except TimeoutError:
            pass
        finally:
            self._readers.discard(future)
        return self._trail.read(after, limit)

    @property
    def accepting(self) -> bool:
        """Whether something that must be recorded and stored may begin."""
        return not self.refusing or (self.healthy and not self.crowded)

    @property
    def crowded(self) -> bool:
        """Whether the next event would be lost."""
        return self._trail.crowded

    @property
    def last_record(self) -> int:
        return self._trail.last

    @property
    def head(self) -> str:
        """Hash of the last record."""
        return self._trail.head

    @property
    def lost(self) -> int:
        """Events since the trail began that could not be recorded."""
        return self._trail.lost

    @property
    def waiting(self) -> int:
        """Records that no sink has taken yet."""
        return self._trail.waiting

    # --- the two loops -----------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Flushes whenever there is something; runs until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self.flush():
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wake.set)

    async def deliver(self) -> None:
        """Hands stored records to the sink; runs until cancelled."""
        self._deliver.set()
        while True:
            await self._deliver.wait()
            self._deliver.clear()
            if not await self.send():
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._deliver.set)

    async def flush(self) -> bool:
        """One group commit of all that waits; False when the store refused (everything waits on)."""
        async with self._flushing:
            return self._closed or await self._flush()

    async def _flush(self) -> bool:
        touched, self._touched = self._touched, {}
        extra, self._changes = self._changes, []
        waiters, self._waiters = self._waiters, []
        records = self._trail.unstored()
        if not touched and not extra and not records:
            settle(waiters)
            return True
        changes: list[Change] = [*extra, *(self._state_of(key) for key in touched)]
        changes += [PutRecord(RecordRow(record.sequence, record.text)) for record in records]
        if any(record.event.name == LOST_EVENT for record in records):
            # With the record that tells of them: neither a crash nor a restart tells of them twice.
            changes += [self.losses(), PutValue(LOST_TOLD, self._trail.told)]
        changes += self._trims()
        try:
            await self._store.apply(changes)
        except StoreError as error:
            self._touched = {**touched, **self._touched}
            self._changes = extra + self._changes
            self._fell_ill(error)
            settle(waiters, error)
            return False
        self._recovered()
        for change in changes:
            self._on_durable(change)
        if records:
            self._trail.stored(records[-1].sequence)
            self._deliver.set()
            settle(self._readers)
        settle(waiters)
        if self._trail.unstored(1):
            self._wake.set()
        return True

    async def send(self) -> bool:
        """Delivers what is stored; False when the sink did not take all of it."""
        async with self._sending:
            return self._closed or await self._send()

    async def _send(self) -> bool:
        while records := self._trail.undelivered(256):
            taken, failure = await self._write(records)
            if taken:
                self._trail.delivered(records[taken - 1].sequence)
                # Goes along with the next flush; one of its own would double the flushes to disk.
                self._touched["value", DELIVERED] = None
            if taken < len(records):
                if self.delivering:
                    log.error("records_undelivered", reason=failure or "the sink is slow")
                self.delivering = False
                return False
        if not self.delivering:
            log.info("records_delivered_again")
        self.delivering = True
        return True

    def delivered(self) -> PutValue:
        """The newest record that left: after a restart the ones above it go out again."""
        waiting = self._trail.undelivered(1)
        unstored = self._trail.unstored(1)
        oldest = waiting or unstored
        return PutValue(DELIVERED, oldest[0].sequence - 1 if oldest else self._trail.last)

    def losses(self) -> PutValue:
        """What was lost since the trail began."""
        return PutValue(LOST, self._trail.lost)

    async def close(self) -> None:
        """A last flush and delivery, as far as they go; then the threads end."""
        await self.flush()
        await self.send()
        await self.flush()
        # What other processes' ends still cause from here on is of no further interest.
        self._closed = True
        self._executor.shutdown(wait=True)
        self.sink.close()
        await self._store.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _write(self, records: Sequence[object]) -> tuple[int, str]:
        def write() -> tuple[int, str]:
            try:
                return self.sink.write(records), ""  # type: ignore[arg-type]
            except OSError as error:
                return 0, error.strerror or type(error).__name__

        return await asyncio.get_running_loop().run_in_executor(self._executor, write)

    def _trims(self) -> list[Change]:
        needed = self._trail.oldest_needed
        if needed - self._trimmed < _TRIM_EVERY:
            return []
        self._trimmed = needed
        return [TrimRecords(needed)]

    def _fell_ill(self, error: StoreError) -> None:
        if self.healthy:
            log.error("state_unwritable", error=str(error))
            # Shows up once there is room again; until then the log and the status say it.
            self.record("state.unwritable", FAILURE, where="sessiond", reason="store", detail=str(error))
        self.healthy = False

    def _recovered(self) -> None:
        if not self.healthy:
            log.info("state_writable_again")
        self.healthy = True
