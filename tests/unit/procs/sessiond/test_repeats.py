# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals that strangers cause are summed, never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wolfguard.procs.sessiond.repeats import MANY, Happening, Repeats


def refusal(where: str = "192.0.2.1", reason: str = "cookie") -> Happening:
    return Happening("tunnel.refused", "failure", "anna", where, reason, (("site", "main"),))


def test_few_go_through_one_by_one_each_second() -> None:
    repeats = Repeats(rate=2)
    assert [repeats.let_through(refusal(), 1, 10.0) for _ in range(3)] == [True, True, False]
    assert repeats.take() == [(refusal(), 1)]
    assert repeats.let_through(refusal(), 1, 11.0)
    assert refusal().times(4) == {"site": "main", "count": 4}


def test_a_sum_comes_out_when_its_second_is_over() -> None:
    """However often it is asked for, and also while there is more in each second."""
    repeats = Repeats(rate=0)
    for second in (10.0, 10.9):
        repeats.let_through(refusal(), 1, second)
        assert repeats.take(second) == []
    repeats.let_through(refusal(), 1, 11.0)
    assert repeats.take(11.0) == [(refusal(), 3)]
    assert repeats.take(11.0) == []


def test_beyond_so_many_kinds_the_source_is_left_out() -> None:
    repeats = Repeats(rate=0, kinds=2)
    for number in range(5):
        repeats.let_through(refusal(f"192.0.2.{number}"), 2, 10.0)
    sums = repeats.take()
    assert [(each.where, count) for each, count in sums] == [("192.0.2.0", 2), ("192.0.2.1", 2), (MANY, 6)]
    assert sums[-1][0].who == ""


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5), st.integers(0, 3))))
def test_nothing_is_lost_or_counted_twice(events: list[tuple[int, int, int]]) -> None:
    repeats = Repeats(rate=3, kinds=4)
    recorded = 0
    for where, count, second in events:
        if repeats.let_through(refusal(str(where)), count, second):
            recorded += count
    sums = repeats.take()
    assert recorded + sum(count for _, count in sums) == sum(count for _, count, _ in events)
    assert len(sums) <= 5
    assert not repeats.waiting
