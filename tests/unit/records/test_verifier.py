# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verifier must find: each kind of tampering, by the number of the record; and what is no fault."""

from __future__ import annotations

import json

import pytest

from tests.unit.records.trails import Key, Maker, a_trail, digest, verified, written_anew
from wolfguard.records import verifier
from wolfguard.records.verifier import SOUND, UNDECIDED, UNSOUND, Report, Verifier

KEY, OTHER = Key(), Key()
TRAIL = a_trail(KEY)


def kinds(report: Report) -> list[tuple[int, str]]:
    return [(finding.record, finding.kind) for finding in report.findings]


def changed(number: int, old: str, new: str) -> list[str]:
    texts = list(TRAIL)
    assert old in texts[number - 1]
    texts[number - 1] = texts[number - 1].replace(old, new, 1)
    return texts


def test_a_sound_trail() -> None:
    report = verified(KEY, TRAIL)
    assert (report.verdict, kinds(report)) == (SOUND, [])
    assert (report.records, report.first, report.last, report.repeated) == (30, 1, 30, 0)
    assert (report.checkpoints, report.signed, report.behind) == (3, 29, 0)


def test_a_trail_that_begins_later_and_ends_before_its_next_checkpoint() -> None:
    report = verified(KEY, TRAIL[4:25])
    assert report.verdict == SOUND
    assert (report.first, report.last, report.signed, report.behind) == (5, 25, 20, 5)


def test_a_checkpoint_that_covers_only_what_is_not_there_any_more() -> None:
    report = verified(KEY, TRAIL[10:15])
    assert (report.verdict, report.signed) == (SOUND, 10)


def test_without_a_checkpoint_nobody_vouches() -> None:
    assert verified(KEY, TRAIL[:5]).verdict == UNDECIDED
    assert verified(KEY, []).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (4, '"slot":3', '"slot":4'),
        (4, '"count":1', '"count": 1'),
        (4, '"who":""', '"who":"","who":""'),
        (4, '"who":""', '"who":"\\u0065ve"'),
        (11, '"upto":10', '"upto":9'),
    ],
)
def test_a_changed_record(number: int, old: str, new: str) -> None:
    found = kinds(verified(KEY, changed(number, old, new)))
    assert found[0] == (number, verifier.CHANGED)
    assert all(record == number for record, _ in found)


def test_a_missing_record_and_a_missing_stretch() -> None:
    report = verified(KEY, [*TRAIL[:3], *TRAIL[4:7], *TRAIL[9:]])
    assert kinds(report) == [(4, verifier.MISSING), (8, verifier.MISSING)]
    assert [finding.text for finding in report.findings] == ["record 4 is missing", "records 8 to 9 are missing"]


def test_records_in_another_order() -> None:
    texts = [*TRAIL[:3], TRAIL[4], TRAIL[3], *TRAIL[5:]]
    assert kinds(verified(KEY, texts)) == [(4, verifier.MISSING), (4, verifier.DISORDER)]


def test_the_same_record_again_is_no_fault() -> None:
    report = verified(KEY, [*TRAIL[:8], *TRAIL[5:8], *TRAIL[8:], TRAIL[-1]])
    assert (report.verdict, report.repeated, report.records, report.behind) == (SOUND, 4, 30, 0)


def test_another_record_with_the_same_number() -> None:
    other = written_anew(TRAIL, 8, who="eve")
    report = verified(KEY, [*TRAIL[:8], other[7], *TRAIL[8:]])
    assert kinds(report) == [(8, verifier.FORKED)]


def test_a_repeated_record_that_was_changed() -> None:
    texts = [*TRAIL[:8], TRAIL[7].replace('"slot":0', '"slot":1'), *TRAIL[8:]]
    assert kinds(verified(KEY, texts)) == [(8, verifier.FORKED)]


def test_a_trail_that_was_written_anew_contradicts_its_checkpoints() -> None:
    report = verified(KEY, written_anew(TRAIL, 7, who="eve"))
    assert kinds(report)[0] == (10, verifier.CONTRADICTED)
    assert "it was written anew" in report.findings[0].text
    assert report.checkpoints == 0
    assert report.verdict == UNSOUND


def test_a_trail_that_was_written_anew_behind_its_last_checkpoint_shows_only_elsewhere() -> None:
    anew = written_anew(TRAIL, 25, who="eve")[:28]
    assert verified(KEY, anew).verdict == SOUND
    other = Verifier(digest, {KEY.fingerprint: KEY.verify})
    for text in TRAIL:
        other.take(text)
    report = verified(KEY, anew, other.statements)
    assert kinds(report) == [(28, verifier.TRUNCATED)]
    report = verified(KEY, written_anew(TRAIL, 25, who="eve")[:29], other.statements)
    assert kinds(report) == [(29, verifier.CONTRADICTED)]


@pytest.mark.parametrize("end", [0, 5, 20, 28])
def test_a_trail_that_was_cut_before_a_checkpoint_that_is_known_elsewhere(end: int) -> None:
    other = Verifier(digest, {KEY.fingerprint: KEY.verify})
    for text in TRAIL:
        other.take(text)
    report = verified(KEY, TRAIL[:end], other.statements)
    assert kinds(report) == [(end, verifier.TRUNCATED)]
    assert "covers record 29" in report.findings[0].text


def test_a_foreign_key_and_a_forged_signature() -> None:
    report = verified(KEY, Maker(KEY).event(3).checkpoint(OTHER).event(2).texts)
    assert kinds(report) == [(4, verifier.FOREIGN_KEY)]
    assert (report.checkpoints, report.signed) == (0, 0)
    forged = Maker(KEY).event(3)
    signer = Key()
    signer.fingerprint = KEY.fingerprint
    forged.checkpoint(signer)
    assert kinds(verified(KEY, forged.texts)) == [(4, verifier.BAD_SIGNATURE)]


def test_a_checkpoint_that_lacks_a_part() -> None:
    texts = Maker(KEY).event(3).checkpoint().texts
    fields = json.loads(texts[3])["fields"]
    del fields["head"]
    assert kinds(verified(KEY, written_anew(texts, 4, fields=fields))) == [(4, verifier.BAD_CHECKPOINT)]


def test_a_checkpoint_that_names_another_one_before_it() -> None:
    maker = Maker(KEY).event(3).checkpoint().event(3).checkpoint(before="f" * 64)
    assert kinds(verified(KEY, maker.texts)) == [(8, verifier.CONTRADICTED)]


def test_checkpoints_of_the_future_and_of_the_far_past(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kinds(verified(KEY, Maker(KEY).event(3).checkpoint(upto=9).texts)) == [(4, verifier.CONTRADICTED)]
    monkeypatch.setattr(verifier, "WINDOW", 5)
    maker = Maker(KEY).event(20)
    maker.checkpoint(upto=2, head=maker.hashes[2])
    assert kinds(verified(KEY, maker.texts)) == [(21, verifier.CONTRADICTED)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"sequence":true}',
        "[" * 100_000,
        '{"sequence":' + "9" * 5000 + "}",
        '{"a":"' + "x" * 200_000 + '"}',
    ],
)
def test_lines_that_are_no_record(line: str) -> None:
    report = verified(KEY, [*TRAIL[:4], line, *TRAIL[4:]])
    assert kinds(report) == [(0, verifier.MALFORMED)]
    assert "line 5 is no record (behind record 4)" in report.findings[0].text


def test_findings_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "FINDINGS_MAX", 3)
    report = verified(KEY, ["nonsense"] * 10)
    assert (len(report.findings), report.found, report.verdict) == (3, 10, UNSOUND)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "WINDOW", 10)
    watched = Verifier(digest, {KEY.fingerprint: KEY.verify})
    for text in Maker(KEY).event(200).texts:
        watched.take(text)
        assert len(watched._hashes) == len(watched._order) <= 10
