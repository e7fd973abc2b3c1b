# SPDX-License-Identifier: GPL-3.0-or-later
"""The trail: numbers, restarts, bounds, readers."""

from __future__ import annotations

import hashlib
import json

import pytest

from wolfguard.records import trail as trail_module
from wolfguard.records.record import verify
from wolfguard.records.trail import Trail


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def event(trail: Trail, slot: int = 0) -> None:
    trail.append(1.0, "worker.lost", "failure", slot=slot, count=1)


def store(trail: Trail) -> list[tuple[int, str]]:
    rows = [(record.sequence, record.text) for record in trail.unstored()]
    if rows:
        trail.stored(rows[-1][0])
    return rows


def test_only_stored_records_are_read_and_delivered() -> None:
    trail = Trail(digest)
    event(trail)
    assert trail.read(0, 10) == ((), 0)
    assert trail.undelivered() == ()
    rows = store(trail)
    assert trail.read(0, 10) == ((rows[0][1],), 1)
    assert [record.sequence for record in trail.undelivered()] == [1]
    trail.delivered(1)
    assert trail.undelivered() == ()


def test_numbers_and_links_go_on_after_a_restart() -> None:
    first = Trail(digest)
    for _ in range(3):
        event(first)
    rows = store(first)
    second = Trail(digest, rows, delivered=2)
    assert [record.sequence for record in second.undelivered()] == [3], "what had not left goes out again"
    assert second.undelivered()[0].text == rows[2][1]
    event(second)
    rows += store(second)
    assert [number for number, _ in rows] == [1, 2, 3, 4]
    verify(digest, [text for _, text in rows])


def test_a_record_that_was_never_stored_gives_its_number_again() -> None:
    first = Trail(digest)
    event(first)
    rows = store(first)
    event(first, slot=5)
    second = Trail(digest, rows)
    event(second, slot=6)
    rows += store(second)
    assert [number for number, _ in rows] == [1, 2]
    verify(digest, [text for _, text in rows])


def test_a_damaged_tail_is_noticed_and_not_continued_as_if_it_were_sound() -> None:
    first = Trail(digest)
    for _ in range(3):
        event(first)
    rows = store(first)
    rows[1] = (2, rows[1][1].replace('"slot":0', '"slot":9'))
    second = Trail(digest, rows, delivered=3)
    assert "record 2" in second.damage
    event(second)
    after = store(second)
    assert after[0][0] == 4
    assert json.loads(after[0][1])["previous"] == "0" * 64


def test_unreadable_rows_are_delivered_as_they_are() -> None:
    trail = Trail(digest, [(1, "garbage"), (2, '{"event":"of.tomorrow","outcome":"success","hash":"x"}')])
    assert [(record.event.name, record.text[:7]) for record in trail.undelivered()] == [
        ("records.damaged", "garbage"),
        ("of.tomorrow", '{"event'),
    ]
    assert trail.last == 2


def test_what_waits_is_bounded_and_the_loss_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "UNDELIVERED_MAX", 4)
    trail = Trail(digest)
    for _ in range(10):
        event(trail)
    assert trail.crowded
    assert trail.last == 4
    rows = store(trail)
    assert trail.crowded, "not yet delivered"
    trail.delivered(rows[-1][0])
    event(trail)
    rows += store(trail)
    assert json.loads(rows[4][1])["event"] == "records.lost"
    assert json.loads(rows[4][1])["fields"] == {"count": 6}
    assert json.loads(rows[5][1])["event"] == "worker.lost"
    verify(digest, [text for _, text in rows])


def test_losses_are_told_once_also_across_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "UNDELIVERED_MAX", 4)
    first = Trail(digest)
    for _ in range(6):
        event(first)
    rows = store(first)
    assert (first.lost, first.told, first.waiting) == (2, 0, 4)
    second = Trail(digest, rows, delivered=4, lost=first.lost, told=first.told)
    event(second)
    rows += store(second)
    assert [json.loads(text)["fields"].get("count") for _, text in rows[4:]] == [2, 1]
    third = Trail(digest, rows, delivered=6, lost=second.lost, told=second.told)
    event(third)
    assert (third.lost, third.told, third.last) == (2, 2, 7)


def test_readers_page_through_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "KEEP", 5)
    trail = Trail(digest)
    for _ in range(8):
        event(trail)
        store(trail)
    texts, last = trail.read(0, 3)
    assert ([json.loads(text)["sequence"] for text in texts], last) == ([4, 5, 6], 8)
    texts, _ = trail.read(6, 10)
    assert [json.loads(text)["sequence"] for text in texts] == [7, 8]
    assert trail.read(8, 10) == ((), 8)
    assert trail.read(900, 10) == ((), 8)


def test_the_store_keeps_what_readers_or_the_sink_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "KEEP", 2)
    trail = Trail(digest)
    for _ in range(6):
        event(trail)
        store(trail)
    assert trail.oldest_needed == 1
    trail.delivered(3)
    assert trail.oldest_needed == 4
    trail.delivered(6)
    assert trail.oldest_needed == 5
