# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a trail with nothing but the public key of its checkpoints: record after record, in bounded memory.

Every finding names the record. After one the trail is followed further from what the record itself says, so that one
change is one finding. The same record may come again (a crash, a collector that asks twice): that is counted and no
finding. Owns what a trail must be; where it comes from and how it is told is the caller's. sans-IO.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wolfguard.records import checkpoint
from wolfguard.records.checkpoint import Statement
from wolfguard.records.record import GENESIS, Digest, RecordError, canonical, hash_of, parse

# Kinds of findings.
MALFORMED: Final = "malformed"
CHANGED: Final = "changed"
MISSING: Final = "missing"
DISORDER: Final = "disorder"
FORKED: Final = "forked"
UNLINKED: Final = "unlinked"
BAD_CHECKPOINT: Final = "bad-checkpoint"
FOREIGN_KEY: Final = "foreign-key"
BAD_SIGNATURE: Final = "bad-signature"
CONTRADICTED: Final = "contradicted"
TRUNCATED: Final = "truncated"

# What a trail is.
SOUND: Final = "sound"
UNSOUND: Final = "unsound"
UNDECIDED: Final = "undecided"

FINDINGS_MAX: Final = 1000
"""So many are kept; the rest is counted."""
WINDOW: Final = 32_768
"""Hashes of so many records are remembered: more than wait for delivery, or lie between a checkpoint and its head."""
RECORD_BYTES_MAX: Final = 128 * 1024

VerifySignature = Callable[[bytes, bytes], bool]
"""Whether the data has this signature."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`record` is a number, 0 where there is none to read; `line` counts what was fed, from 1 (0: the end)."""

    record: int
    line: int
    kind: str
    text: str


@dataclass(slots=True)
class Report:
    """`signed` is the newest record that a good checkpoint covers, `behind` counts the records after it."""

    records: int = 0
    first: int = 0
    last: int = 0
    repeated: int = 0
    checkpoints: int = 0
    signed: int = 0
    signed_at: str = ""
    behind: int = 0
    lost: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Without a good checkpoint nobody vouches for a chain: anybody can compute one."""
        if self.found:
            return UNSOUND
        return SOUND if self.checkpoints else UNDECIDED


class Verifier:
    """`keys` check signatures with public keys, by their fingerprints. `anchors`: hashes of records by number, from
    good checkpoints of another copy of the trail (`statements`), which this one must have."""

    def __init__(
        self, digest: Digest, keys: Mapping[str, VerifySignature], anchors: Mapping[int, str] | None = None
    ) -> None:
        self._digest = digest
        self._keys = dict(keys)
        self._anchors = dict(anchors or {})
        self._hashes: dict[int, str] = {}
        self._order: deque[int] = deque()
        self._line = 0
        self._hash = ""
        self._before = ""
        self._last_is_checkpoint = False
        self.report = Report()
        self.statements: dict[int, str] = {}
        """Heads of good checkpoints by the record that they cover."""

    def take(self, text: str) -> None:
        """The next record."""
        self._line += 1
        try:
            if len(text) > RECORD_BYTES_MAX:
                raise RecordError("it is longer than any record")
            body = parse(text)
        except RecordError as error:
            where = f" (behind record {self.report.last})" if self.report.last else ""
            self._find(0, MALFORMED, f"line {self._line} is no record{where}: {error}")
            return
        number = body["sequence"]
        problem = self._problem(body, text)
        if self._repeats(number, body["hash"], problem):
            return
        if problem:
            self._find(number, CHANGED, problem)
        if not self._check_place(body):
            return
        self._remember(number, body["hash"])
        if body["event"] == checkpoint.EVENT:
            self._check_checkpoint(number, body["fields"])

    def finish(self) -> Report:
        """What was found, after the last record."""
        report = self.report
        beyond = [number for number in self._anchors if number > report.last]
        if beyond:
            text = f"the trail ends at record {report.last}, but a signed checkpoint covers record {max(beyond)}"
            self._line = 0
            self._find(report.last, TRUNCATED, text)
        report.behind = max(0, report.last - report.signed)
        if report.behind and self._last_is_checkpoint:
            report.behind -= 1
        return report

    # --- one record --------------------------------------------------------------------------------------------------

    def _repeats(self, number: int, claimed: str, problem: str) -> bool:
        """Whether this number has been there; with the same content that is no fault."""
        standing = self._hashes.get(number)
        if standing is None:
            return False
        if standing == claimed and not problem:
            self.report.repeated += 1
        else:
            self._find(number, FORKED, f"record {number} is there twice, with different content")
        return True

    def _problem(self, body: Mapping[str, Any], text: str) -> str:
        """What is wrong with its content, "" for nothing."""
        try:
            hash_of(self._digest, body)
        except RecordError as error:
            return f"{error}: it was changed"
        # Else other readers could take it for something else, such as where a name stands twice.
        return "" if canonical(body) == text else f"record {body['sequence']} is not written as it was made"

    def _check_place(self, body: Mapping[str, Any]) -> bool:
        """Whether the record goes on from the one before, whatever was found."""
        report, number, previous = self.report, body["sequence"], body["previous"]
        if not report.records:
            report.first = number
            if number == 1 and previous != GENESIS:
                self._find(number, UNLINKED, "record 1 names one before it, but there is none")
        elif number <= report.last:
            self._find(number, DISORDER, f"record {number} comes behind record {report.last}")
            return False
        elif number != report.last + 1:
            one = report.last + 1 == number - 1
            missing = f"record {number - 1} is" if one else f"records {report.last + 1} to {number - 1} are"
            self._find(report.last + 1, MISSING, f"{missing} missing")
        elif previous != self._hash:
            self._find(number, UNLINKED, f"record {number} does not follow the record {report.last} that is there")
        anchor = self._anchors.get(number)
        if anchor is not None and anchor != body["hash"]:
            self._find(number, CONTRADICTED, f"record {number} is not the one that a signed checkpoint covers")
        return True

    def _remember(self, number: int, claimed: str) -> None:
        self.report.records += 1
        self.report.last, self._hash = number, claimed
        self._last_is_checkpoint = False
        self._hashes[number] = claimed
        self._order.append(number)
        if len(self._order) > WINDOW:
            del self._hashes[self._order.popleft()]

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def _check_checkpoint(self, number: int, fields: Mapping[str, Any]) -> None:
        try:
            statement, signature = checkpoint.read(fields)
        except RecordError as error:
            self._find(number, BAD_CHECKPOINT, f"record {number}: {error}")
            return
        verify = self._keys.get(statement.key)
        if verify is None:
            text = f"record {number} is a checkpoint by another key ({statement.key[:16]}...)"
            self._find(number, FOREIGN_KEY, text)
        elif not verify(statement.signed(), signature):
            self._find(number, BAD_SIGNATURE, f"record {number} is a checkpoint with a wrong signature")
        elif self._is_borne_out(number, statement):
            self._note(number, statement)

    def _is_borne_out(self, number: int, statement: Statement) -> bool:
        """Whether the trail is what a well signed statement says."""
        standing = self._hashes.get(statement.upto)
        if standing is None and statement.upto >= self.report.first:
            text = f"record {number} is a checkpoint of record {statement.upto}, which is not shortly before it"
            self._find(number, CONTRADICTED, text)
            return False
        if standing is not None and standing != statement.head:
            text = f"the checkpoint in record {number} covers another record {statement.upto}: it was written anew"
            self._find(statement.upto, CONTRADICTED, text)
            return False
        if self._before and statement.before not in (self._before, checkpoint.FIRST):
            text = f"the checkpoint in record {number} names another one before it than the one that is there"
            self._find(number, CONTRADICTED, text)
            return False
        return True

    def _note(self, number: int, statement: Statement) -> None:
        report = self.report
        report.checkpoints += 1
        report.signed, report.signed_at, report.lost = statement.upto, statement.signed_at, statement.lost
        self._last_is_checkpoint = number == report.last
        self._before = self._digest(statement.signed()).hex()
        self.statements[statement.upto] = statement.head

    def _find(self, record: int, kind: str, text: str) -> None:
        self.report.found += 1
        if len(self.report.findings) < FINDINGS_MAX:
            self.report.findings.append(Finding(record, self._line, kind, text))
