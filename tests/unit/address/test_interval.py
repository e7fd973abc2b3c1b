# SPDX-License-Identifier: GPL-3.0-or-later
"""The interval set behaves like a set and keeps its runs joined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.address.interval import IntervalSet

numbers = st.integers(0, 60)


def test_neighbours_join_into_one_run() -> None:
    kept = IntervalSet()
    kept.add(1)
    kept.add(3)
    kept.add(2)
    assert kept.runs() == ((1, 3),)


def test_removal_splits_a_run() -> None:
    kept = IntervalSet()
    kept.add(1, 5)
    kept.remove(3)
    assert kept.runs() == ((1, 2), (4, 5))


def test_removing_what_is_absent_is_an_error() -> None:
    with pytest.raises(KeyError):
        IntervalSet().remove(7)


def test_an_interval_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends before"):
        IntervalSet().add(3, 2)


@given(st.lists(st.tuples(st.booleans(), numbers, numbers), max_size=60), numbers)
def test_behaves_like_a_set(steps: list[tuple[bool, int, int]], probe: int) -> None:
    kept, model = IntervalSet(), set[int]()
    for adding, one, other in steps:
        if adding:
            first, last = min(one, other), max(one, other)
            kept.add(first, last)
            model.update(range(first, last + 1))
        elif one in model:
            kept.remove(one)
            model.remove(one)
    assert {number for first, last in kept.runs() for number in range(first, last + 1)} == model
    assert (probe in kept) == (probe in model)
    expected = probe
    while expected in model:
        expected += 1
    assert kept.next_absent(probe) == expected
    runs = kept.runs()
    assert all(runs[at][1] + 1 < runs[at + 1][0] for at in range(len(runs) - 1))
