# SPDX-License-Identifier: GPL-3.0-or-later
"""One record: checked against the schema, linked to the one before, written as canonical JSON.

Canonical: keys sorted, no spaces, ASCII with escapes. So the text is the same wherever it is made, control characters
of strangers cannot break a log line, and the hash can be computed again by anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wolfguard.errors import LocalError
from wolfguard.records.schema import BOOLEAN, BY_NAME, INTEGER, STRING, Event

Digest = Callable[[bytes], bytes]
Value = str | int | bool

GENESIS: Final = "0" * 64
TEXT_MAX: Final = 1024

_PARTS: Final[Mapping[str, type]] = {
    "sequence": int,
    "time": str,
    "event": str,
    "outcome": str,
    "fields": dict,
    "previous": str,
    "hash": str,
}
_TYPES: Final[Mapping[str, type]] = {STRING: str, INTEGER: int, BOOLEAN: bool}


class RecordError(LocalError):
    """A record that its schema does not allow, or a chain that does not hold."""


@dataclass(frozen=True, slots=True)
class Record:
    """`text` is the canonical JSON, hash included."""

    sequence: int
    event: Event
    outcome: str
    text: str
    hash: str


def timestamp(when: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make(
    digest: Digest,
    sequence: int,
    previous: str,
    when: float,
    name: str,
    outcome: str,
    *,
    who: str = "",
    where: str = "",
    session: int = 0,
    reason: str = "",
    fields: Mapping[str, Value],
) -> Record:
    """Builds a record; raises RecordError when the schema does not know the event, an outcome or a field's type."""
    event = BY_NAME.get(name)
    if event is None:
        raise RecordError(f"no such event: {name}; declare it in wolfguard/records/schema.py")
    if outcome not in event.outcomes:
        raise RecordError(f"{name} cannot have the outcome {outcome!r}")
    body: dict[str, object] = {
        "sequence": sequence,
        "time": timestamp(when),
        "event": name,
        "outcome": outcome,
        "who": _text("who", who),
        "where": _text("where", where),
        "session": session,
        "reason": _text("reason", reason),
        "fields": _checked(event, fields),
        "previous": previous,
    }
    fingerprint = digest(canonical(body).encode()).hex()
    return Record(sequence, event, outcome, canonical({**body, "hash": fingerprint}), fingerprint)


def parse(text: str) -> dict[str, Any]:
    """What a record says, its parts of the right types; raises RecordError for what is no record at all."""
    try:
        body = json.loads(text)
        good = all(type(body[name]) is kind for name, kind in _PARTS.items())
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise RecordError("it is no record: not a JSON object with all parts of one")
    found: dict[str, Any] = body
    return found


def hash_of(digest: Digest, body: Mapping[str, Any]) -> str:
    """Computes a record's hash again; raises RecordError unless it equals the one that it carries."""
    try:
        text = canonical({name: value for name, value in body.items() if name != "hash"})
    except (ValueError, RecursionError):
        raise RecordError(f"record {body['sequence']}: it holds what no record can") from None
    computed = digest(text.encode()).hex()
    if body["hash"] != computed:
        raise RecordError(f"record {body['sequence']}: its hash does not fit its content")
    return computed


def verify(digest: Digest, texts: Iterable[str], previous: str | None = None) -> str:
    """Checks that records follow each other without gap or change; returns the last hash; raises RecordError.

    `previous` is the hash of the record before the first one, None when it is not known. `records.verifier` says more.
    """
    expected = previous
    number: int | None = None
    for text in texts:
        body = parse(text)
        computed = hash_of(digest, body)
        if number is not None and body["sequence"] != number + 1:
            raise RecordError(f"record {number} is followed by {body['sequence']}: records are missing")
        if expected is not None and body["previous"] != expected:
            raise RecordError(f"record {body['sequence']} does not follow the one before it")
        number, expected = body["sequence"], computed
    return expected if expected is not None else GENESIS


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(body: Mapping[str, object]) -> str:
    """The one text of an object: sorted keys, no spaces, ASCII."""
    return _ENCODER.encode(body)


def _checked(event: Event, fields: Mapping[str, Value]) -> dict[str, Value]:
    declared = {field.name: field for field in event.fields}
    for name in declared.keys() - fields.keys():
        raise RecordError(f"{event.name} lacks its field {name!r}")
    checked: dict[str, Value] = {}
    for name, value in fields.items():
        field = declared.get(name)
        if field is None:
            raise RecordError(f"{event.name} has no field {name!r}")
        # type() and not isinstance(): a bool is no integer here, and nothing that merely acts like text gets in.
        if type(value) is not _TYPES[field.kind]:
            raise RecordError(f"{event.name}: field {name!r} must be {field.kind}, not {type(value).__name__}")
        checked[name] = _text(name, value) if isinstance(value, str) else value
    return checked


def _text(name: str, value: object) -> str:
    if type(value) is not str:
        raise RecordError(f"{name} must be text, not {type(value).__name__}")
    return value if len(value) <= TEXT_MAX else value[: TEXT_MAX - 3] + "..."
