# SPDX-License-Identifier: GPL-3.0-or-later
"""Has checkpoints of the trail signed and recorded: at the start, every so often, and at a clean stop.

A checkpoint speaks of the newest record at the moment in which it is asked for; more may be made before it is one
itself. Without keyd the trail goes on unsigned: the status and the log say so, and the next checkpoint covers what was
not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from wolfguard.config.site import Records
from wolfguard.errors import PeerError
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.ledger import Ledger
from wolfguard.records.checkpoint import EVENT, Schedule, Statement, read, to_fields
from wolfguard.records.notary import Notary
from wolfguard.records.record import Digest, RecordError, parse, timestamp
from wolfguard.records.schema import SUCCESS

log = Log(__name__)

LAST_SECONDS: Final = 6.0
"""How long a stop waits for its checkpoint; keyd answers within five seconds or not at all."""


class Checkpoints:
    """`tail` is the stored trail at the start, oldest first. `notary` None: there is no key, and no checkpoint."""

    def __init__(
        self,
        ledger: Ledger,
        notary: Notary | None,
        digest: Digest,
        clock: Callable[[], float],
        boot: str,
        settings: Records,
        tail: Iterable[str] = (),
    ) -> None:
        self._ledger = ledger
        self._notary = notary
        self._digest = digest
        self._clock = clock
        self._boot = boot
        self._schedule = Schedule(settings.checkpoint_records, settings.checkpoint_seconds)
        self._turn = asyncio.Lock()
        self._failing = False
        for text in tail:
            self._remember(text)

    def attach(self, descriptor: int) -> None:
        """Takes over the channel to keyd."""
        if self._notary is None:
            os.close(descriptor)
        else:
            self._notary.attach(descriptor)

    def reconfigure(self, settings: Records) -> None:
        self._schedule.records, self._schedule.seconds = settings.checkpoint_records, settings.checkpoint_seconds

    @property
    def due(self) -> bool:
        """Whether one should be made now."""
        if self._notary is None or not self._notary.ready or self._turn.locked():
            return False
        return self._schedule.due(self._clock(), self._ledger.last_record)

    async def make(self) -> bool:
        """Whether it was made; it becomes durable with the next flush."""
        notary = self._notary
        if notary is None or not notary.ready:
            return False
        async with self._turn:
            self._schedule.begun(self._clock())
            statement = self._statement(notary)
            try:
                signature = await notary.sign(statement.signed())
            except PeerError as error:
                if not self._failing:
                    log.error("checkpoint_not_signed", upto=statement.upto, error=error.detail)
                self._failing = True
                return False
            fields: dict[str, Any] = to_fields(statement, signature)
            self._ledger.record(EVENT, SUCCESS, where="sessiond", **fields)
            self._schedule.done(self._clock(), statement.upto, self._fingerprint(statement))
            self._failing = False
            return True

    async def last(self) -> None:
        """The checkpoint of a clean stop."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.make()
        except TimeoutError:
            log.error("checkpoint_not_signed", upto=self._ledger.last_record, error="there was no time")

    def fact(self) -> str:
        """For the status."""
        if self._notary is None:
            return "none: this gateway has no key for them"
        upto = self._schedule.upto
        behind = max(0, self._ledger.last_record - upto - (1 if upto else 0))
        state = f"signed up to record {upto}, {behind} behind it" if upto else "none yet"
        return f"{state}; keyd does not sign at present" if self._failing else state

    def _statement(self, notary: Notary) -> Statement:
        ledger, schedule = self._ledger, self._schedule
        return Statement(
            upto=ledger.last_record,
            head=ledger.head,
            count=ledger.last_record - schedule.upto,
            signed_at=timestamp(self._clock()),
            boot=self._boot,
            before=schedule.before,
            lost=ledger.lost,
            key=notary.key,
        )

    def _fingerprint(self, statement: Statement) -> str:
        return self._digest(statement.signed()).hex()

    def _remember(self, text: str) -> None:
        """Goes on from a checkpoint of an earlier run."""
        if EVENT not in text:
            return
        try:
            body = parse(text)
            if body["event"] == EVENT:
                statement, _ = read(body["fields"])
                self._schedule.upto, self._schedule.before = statement.upto, self._fingerprint(statement)
        except RecordError as error:
            log.error("checkpoint_unreadable", error=str(error))
