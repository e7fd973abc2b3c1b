# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: signed statements about the trail, which are records of it themselves.

The chain of hashes shows a change to who has a later hash; whoever can write the whole trail can compute all hashes
anew. A checkpoint is signed with a key that the trail's keeper does not hold: what it covers cannot be written anew,
and where a copy of it has left the machine, the trail cannot be cut before it either. Owns the form of the statement,
what of it is signed, and when the next one is due. sans-IO: signing and verifying are the caller's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.records.record import GENESIS, RecordError, Value, canonical

EVENT: Final = "records.checkpoint"
FIRST: Final = GENESIS
"""`before` of a statement that follows none, or none that is still known."""
_PREFIX: Final = b"wolfguard-checkpoint-v1\n"
_RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Statement:
    """Record number `upto` has the hash `head`, and `count` records precede it since the checkpoint before.

    `before` is the fingerprint of the statement before, `lost` how many events could not be recorded since the trail
    began, `boot` the machine's boot id, `key` the SHA-256 of the signing key's SubjectPublicKeyInfo.
    """

    upto: int
    head: str
    count: int
    signed_at: str
    boot: str
    before: str
    lost: int
    key: str

    def fields(self) -> dict[str, Value]:
        return {name: getattr(self, name) for name in self.__slots__}

    def signed(self) -> bytes:
        """What the signature is over (ECDSA P-384 with SHA-384)."""
        return _PREFIX + canonical(self.fields()).encode("ascii")


def read(fields: Mapping[str, Any]) -> tuple[Statement, bytes]:
    """The statement in a checkpoint's fields, and its signature (DER). Raises RecordError."""
    try:
        given = {name: fields[name] for name in Statement.__slots__}
        signature = base64.b64decode(fields["signature"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise RecordError("the checkpoint lacks a part") from None
    for name, value in given.items():
        if type(value) is not (int if name in ("upto", "count", "lost") else str):
            raise RecordError(f"the checkpoint's {name} has the wrong type")
    return Statement(**given), signature


def to_fields(statement: Statement, signature: bytes) -> dict[str, Value]:
    """The fields of the record."""
    return {**statement.fields(), "signature": base64.b64encode(signature).decode("ascii")}


@dataclass(slots=True)
class Schedule:
    """When a checkpoint is due: at the start, after `records` more, or `seconds` after the last if there are any more.

    `upto` and `before` go on from the newest checkpoint that the stored trail still has.
    """

    records: int
    seconds: int
    upto: int = 0
    before: str = FIRST
    made: float | None = None
    tried: float = float("-inf")

    def due(self, now: float, last: int) -> bool:
        if now - self.tried < _RETRY_SECONDS and self.tried <= now:
            return False
        # One of the records behind it is the checkpoint itself.
        more = last - self.upto - 1
        if self.made is None or more >= self.records:
            return True
        return more > 0 and now - self.made >= self.seconds

    def begun(self, now: float) -> None:
        """One is being made; when it fails, the next is not due at once."""
        self.tried = now

    def done(self, now: float, upto: int, fingerprint: str) -> None:
        self.made, self.upto, self.before, self.tried = now, upto, fingerprint, float("-inf")
