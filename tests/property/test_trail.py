# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever one does to a sound trail, the verifier is silent only about what leaves the trail what it was."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.records.trails import Key, a_trail, digest, verified
from wolfguard.records.verifier import SOUND, Verifier

KEY = Key()
TRAIL = a_trail(KEY)
ALL = "\n".join(TRAIL) + "\n"


def anchors() -> dict[int, str]:
    other = Verifier(digest, {KEY.fingerprint: KEY.verify})
    for text in TRAIL:
        other.take(text)
    return other.statements


ANCHORS = anchors()


@settings(deadline=None)
@given(st.integers(0, len(ALL) - 1), st.integers(0, 255))
def test_a_changed_byte_is_found(at: int, byte: int) -> None:
    data = bytearray(ALL.encode())
    same = data[at] == byte
    data[at] = byte
    lines = data.decode("utf-8", "replace").split("\n")
    report = verified(KEY, lines[:-1] if not lines[-1] else lines, ANCHORS)
    assert (report.verdict == SOUND) == same


@settings(deadline=None)
@given(st.lists(st.integers(0, len(TRAIL) - 1), max_size=40))
def test_any_other_selection_is_found_unless_it_is_whole_and_in_order(places: list[int]) -> None:
    report = verified(KEY, [TRAIL[place] for place in places], ANCHORS)
    fresh: list[int] = []
    for place in places:
        if place not in fresh:
            fresh.append(place)
    whole = fresh == list(range(fresh[0], len(TRAIL))) if fresh else False
    # The last record is the checkpoint of the one before it: without it that one is still covered, from elsewhere.
    but_last = fresh == list(range(fresh[0], len(TRAIL) - 1)) if fresh else False
    assert (not report.found) == (whole or but_last)


@settings(deadline=None)
@given(st.lists(st.text(max_size=200), max_size=20))
def test_any_text_is_taken_without_an_error(lines: list[str]) -> None:
    report = verified(KEY, lines)
    assert report.verdict != SOUND
    assert report.found == len(lines)
