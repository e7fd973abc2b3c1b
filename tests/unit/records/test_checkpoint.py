# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements about the trail: their one form, and when the next is due."""

from __future__ import annotations

import pytest

from wolfguard.records.checkpoint import FIRST, Schedule, Statement, read, to_fields
from wolfguard.records.record import RecordError

STATEMENT = Statement(7, "a" * 64, 7, "2026-11-26T12:00:00.000Z", "", FIRST, 0, "c" * 64)


def test_what_is_signed_is_one_text() -> None:
    assert STATEMENT.signed() == (
        b"wolfguard-checkpoint-v1\n"
        b'{"before":"' + b"0" * 64 + b'","boot":"","count":7,"head":"' + b"a" * 64 + b'","key":"' + b"c" * 64 + b'",'
        b'"lost":0,"signed_at":"2026-11-26T12:00:00.000Z","upto":7}'
    )


def test_fields_come_back() -> None:
    assert read(to_fields(STATEMENT, b"signature")) == (STATEMENT, b"signature")


@pytest.mark.parametrize(
    ("name", "value"),
    [("upto", "7"), ("upto", True), ("head", 7), ("signature", "not base64!"), ("signature", 7), ("key", None)],
)
def test_fields_of_a_wrong_type(name: str, value: object) -> None:
    with pytest.raises(RecordError, match="checkpoint"):
        read({**to_fields(STATEMENT, b"s"), name: value})


def test_a_part_that_lacks() -> None:
    fields = to_fields(STATEMENT, b"s")
    del fields["before"]
    with pytest.raises(RecordError, match="lacks a part"):
        read(fields)


def test_when_one_is_due() -> None:
    schedule = Schedule(records=10, seconds=60)
    assert schedule.due(0.0, 1), "at the start"
    schedule.begun(0.0)
    assert not schedule.due(4.0, 1), "not again at once when it failed"
    assert schedule.due(5.0, 1)
    schedule.done(5.0, 1, "f" * 64)
    assert (schedule.upto, schedule.before) == (1, "f" * 64)
    assert not schedule.due(10_000.0, 2), "the checkpoint itself asks for no other"
    assert not schedule.due(64.0, 3)
    assert schedule.due(65.0, 3)
    assert not schedule.due(6.0, 11)
    assert schedule.due(6.0, 12)


def test_a_clock_that_goes_back_does_not_hold_it_up() -> None:
    schedule = Schedule(records=10, seconds=60)
    schedule.begun(1000.0)
    assert schedule.due(0.0, 1)
