# SPDX-License-Identifier: GPL-3.0-or-later
"""One record: schema, canonical text, chain."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.records.record import GENESIS, TEXT_MAX, Record, RecordError, hash_of, make, parse, timestamp, verify
from wolfguard.secret import Secret


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def lost(sequence: int, previous: str, **changes: Any) -> Record:
    given: dict[str, Any] = {"who": "", "where": "sessiond", "fields": {"slot": 1, "count": 2}, **changes}
    return make(digest, sequence, previous, 1.5, "worker.lost", "failure", **given)


def chain(count: int) -> list[Record]:
    made: list[Record] = []
    for number in range(1, count + 1):
        made.append(lost(number, made[-1].hash if made else GENESIS))
    return made


def test_a_record_says_who_what_when_where_and_why() -> None:
    body = json.loads(lost(1, GENESIS, who="anna", reason="crash", session=4).text)
    claimed = body.pop("hash")
    assert body == {
        "sequence": 1,
        "time": "1970-01-01T00:00:01.500Z",
        "event": "worker.lost",
        "outcome": "failure",
        "who": "anna",
        "where": "sessiond",
        "session": 4,
        "reason": "crash",
        "fields": {"slot": 1, "count": 2},
        "previous": GENESIS,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert claimed == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "fields",
    [
        {"slot": 1},
        {"slot": 1, "count": 2, "more": 3},
        {"slot": "1", "count": 2},
        {"slot": True, "count": 2},
        {"slot": 1, "count": b"2"},
        {"slot": 1, "count": Secret(b"2")},
        {"slot": 1, "count": None},
    ],
)
def test_fields_are_those_of_the_schema(fields: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        lost(1, GENESIS, fields=fields)


def test_secrets_and_bytes_cannot_enter_anywhere() -> None:
    for name in ("who", "where", "reason"):
        for value in (Secret(b"cookie"), b"cookie"):
            with pytest.raises(RecordError, match="must be text"):
                lost(1, GENESIS, **{name: value})


def test_unknown_events_and_outcomes_are_refused() -> None:
    with pytest.raises(RecordError, match="no such event"):
        make(digest, 1, GENESIS, 0, "user.danced", "success", fields={})
    with pytest.raises(RecordError, match="outcome"):
        make(digest, 1, GENESIS, 0, "worker.lost", "success", fields={"slot": 1, "count": 1})


def test_a_sound_chain_verifies() -> None:
    made = chain(5)
    assert verify(digest, [record.text for record in made]) == made[-1].hash
    assert verify(digest, [record.text for record in made[2:]], made[1].hash) == made[-1].hash
    assert verify(digest, []) == GENESIS


def test_a_changed_a_missing_and_a_moved_record_show() -> None:
    texts = [record.text for record in chain(5)]
    with pytest.raises(RecordError, match="does not fit its content"):
        verify(digest, [*texts[:2], texts[2].replace('"slot":1', '"slot":2'), *texts[3:]])
    with pytest.raises(RecordError, match="records are missing"):
        verify(digest, [*texts[:2], *texts[3:]])
    with pytest.raises(RecordError, match="does not follow"):
        verify(digest, texts[1:], GENESIS)
    with pytest.raises(RecordError, match="not a JSON object"):
        parse("{}")


@given(st.text(max_size=2000))
def test_strangers_text_stays_one_printable_line(text: str) -> None:
    record = lost(1, GENESIS, who=text)
    assert record.text.isascii()
    assert record.text.isprintable()
    assert hash_of(digest, parse(record.text)) == record.hash
    assert len(json.loads(record.text)["who"]) <= TEXT_MAX


def test_times_are_utc() -> None:
    assert timestamp(1_700_000_000.1239) == "2023-11-14T22:13:20.123Z"
