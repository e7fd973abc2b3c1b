# SPDX-License-Identifier: GPL-3.0-or-later
"""The trail: gives records their numbers and links, keeps the newest for readers, and knows how far each got.

sans-IO. A record is *made* (numbered, linked), then *stored* (durable in the state file), then *delivered* (accepted by
the sink). Numbers are given once: after a crash the stored ones that were not delivered go out again, byte for byte
the same, so a sink may see a record twice but never a gap or a fork. What is not yet delivered is bounded; past the
bound events are counted and summed up in one `records.lost` when there is room again, also across a restart.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import Final

from wolfguard.records.record import GENESIS, Digest, Record, RecordError, Value, make, parse, verify
from wolfguard.records.schema import BY_NAME, FAILURE, Event

KEEP: Final = 2048
UNDELIVERED_MAX: Final = 16_384


class Trail:
    """`tail` is what was stored before a restart, in order; `delivered` the newest number that its sink accepted.

    `lost` events were lost before it since the trail began, of which `told` are in its `records.lost`.
    """

    def __init__(
        self,
        digest: Digest,
        tail: Iterable[tuple[int, str]] = (),
        delivered: int = 0,
        lost: int = 0,
        told: int = 0,
    ) -> None:
        self._digest = digest
        self._ring: deque[tuple[int, str]] = deque(maxlen=KEEP)
        self._unstored: deque[Record] = deque()
        self._undelivered: deque[Record] = deque()
        self.lost = max(lost, told)
        self.told = told
        self._last = 0
        self._hash = GENESIS
        self.damage = ""
        self._restore(list(tail), delivered)
        self._stored = self._last

    @property
    def last(self) -> int:
        """Number of the newest record."""
        return self._last

    @property
    def head(self) -> str:
        """Hash of the newest record."""
        return self._hash

    @property
    def waiting(self) -> int:
        """How many records are not delivered yet; one more than UNDELIVERED_MAX never are."""
        return max(len(self._undelivered), len(self._unstored))

    @property
    def nearly_full(self) -> bool:
        """Whether three of four places of what may wait are taken."""
        return 4 * self.waiting >= 3 * UNDELIVERED_MAX

    @property
    def crowded(self) -> bool:
        """Whether the next event would be lost: then whoever needs a record must refuse to act."""
        return self.waiting >= UNDELIVERED_MAX

    def append(
        self,
        when: float,
        name: str,
        outcome: str,
        *,
        who: str = "",
        where: str = "",
        session: int = 0,
        reason: str = "",
        **fields: Value,
    ) -> None:
        """Makes a record, or counts it as lost when too many wait for delivery; raises RecordError (schema)."""
        if self.crowded:
            self.lost += 1
            return
        if self.lost > self.told:
            untold, self.told = self.lost - self.told, self.lost
            self.append(when, "records.lost", FAILURE, where="sessiond", count=untold)
        record = make(
            self._digest,
            self._last + 1,
            self._hash,
            when,
            name,
            outcome,
            who=who,
            where=where,
            session=session,
            reason=reason,
            fields=fields,
        )
        self._last, self._hash = record.sequence, record.hash
        self._unstored.append(record)

    def unstored(self, limit: int = KEEP) -> tuple[Record, ...]:
        """The oldest records that are not durable yet."""
        return tuple(self._unstored[at] for at in range(min(limit, len(self._unstored))))

    def stored(self, number: int) -> None:
        """Records up to `number` are durable: now they may go to the sink and to readers."""
        while self._unstored and self._unstored[0].sequence <= number:
            record = self._unstored.popleft()
            self._undelivered.append(record)
            self._ring.append((record.sequence, record.text))
            self._stored = record.sequence

    def undelivered(self, limit: int = KEEP) -> tuple[Record, ...]:
        """The oldest stored records that no sink has accepted yet."""
        return tuple(self._undelivered[at] for at in range(min(limit, len(self._undelivered))))

    def delivered(self, number: int) -> None:
        """Records up to `number` have left."""
        while self._undelivered and self._undelivered[0].sequence <= number:
            self._undelivered.popleft()

    @property
    def oldest_needed(self) -> int:
        """Records below this number may be forgotten by the store."""
        undelivered = self._undelivered[0].sequence if self._undelivered else self._last + 1
        return min(undelivered, self._stored - KEEP + 1)

    def read(self, after: int, limit: int) -> tuple[tuple[str, ...], int]:
        """Texts of durable records above `after` that are still kept, and the newest durable number."""
        if not self._ring or after >= self._stored:
            return (), self._stored
        start = max(0, after + 1 - self._ring[0][0])
        stop = min(len(self._ring), start + limit)
        return tuple(self._ring[at][1] for at in range(start, stop)), self._stored

    def _restore(self, tail: list[tuple[int, str]], delivered: int) -> None:
        if not tail:
            return
        try:
            verify(self._digest, (text for _, text in tail))
        except RecordError as error:
            self.damage = str(error)
        for number, text in tail:
            self._ring.append((number, text))
            if number > delivered:
                self._undelivered.append(_again(number, text))
        self._last = tail[-1][0]
        # A damaged tail is not continued as if it were sound: the link after it shows the break.
        self._hash = GENESIS if self.damage else parse(tail[-1][1])["hash"]


def _again(number: int, text: str) -> Record:
    """A stored record for delivery; one of another version, or a damaged one, goes out as it is."""
    try:
        body = json.loads(text)
        name, outcome, fingerprint = str(body["event"]), str(body["outcome"]), str(body["hash"])
    except (ValueError, KeyError, TypeError):
        name, outcome, fingerprint = "records.damaged", FAILURE, ""
    return Record(number, BY_NAME.get(name, Event(name, "", (outcome,))), outcome, text, fingerprint)
