# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts at the same moment stay within what may fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.auth.admission import ADMITTED, HELD, LOCKED, Admission
from wolfguard.auth.lockout import ACCOUNT, Guard, Limits
from wolfguard.errors import LocalError

SOURCE = "192.0.2.1"


@pytest.fixture
def guard() -> Guard:
    return Guard(Limits(failures=2, address_failures=3, window=100, duration=50))


@pytest.fixture
def admission(guard: Guard) -> tuple[Admission, Guard]:
    return Admission(guard), guard


def test_no_more_run_at_once_than_may_fail(admission: tuple[Admission, Guard]) -> None:
    gate, _ = admission
    assert [gate.enter(number, "anna", SOURCE, 1) for number in range(4)] == [ADMITTED, ADMITTED, HELD, HELD]
    assert gate.leave(0, 1) == [(2, ADMITTED)]
    assert gate.leave(1, 1) == [(3, ADMITTED)]


def test_who_asks_again_in_one_attempt_takes_no_second_place(admission: tuple[Admission, Guard]) -> None:
    """A second factor that asks at once, without a form between."""
    gate, _ = admission
    for _ in range(10):
        assert [gate.enter(1, "anna", SOURCE, 1) for _ in range(3)] == [ADMITTED] * 3
        assert gate.leave(1, 1) == []
    assert [gate.enter(number, "anna", SOURCE, 1) for number in range(3)] == [ADMITTED, ADMITTED, HELD]
    with pytest.raises(LocalError):
        gate.enter(1, "bert", SOURCE, 1)


def test_a_lockout_reaches_those_who_wait(admission: tuple[Admission, Guard]) -> None:
    gate, guard = admission
    for number in range(4):
        gate.enter(number, "anna", SOURCE, 1)
    guard.failed((ACCOUNT, "anna"), 1)
    assert gate.leave(0, 1) == [], "one failed and one is under way: no room"
    guard.failed((ACCOUNT, "anna"), 1)
    assert gate.leave(1, 1) == [(2, LOCKED), (3, LOCKED)]
    assert gate.enter(9, "anna", SOURCE, 1) == LOCKED
    assert gate.enter(10, "anna", SOURCE, 51) == ADMITTED


def test_the_source_limits_over_all_accounts(admission: tuple[Admission, Guard]) -> None:
    gate, _ = admission
    verdicts = [gate.enter(name, name, SOURCE, 1) for name in "abcd"]
    assert verdicts == [ADMITTED, ADMITTED, ADMITTED, HELD]
    assert gate.enter("e", "e", "192.0.2.2", 1) == ADMITTED
    assert gate.leave("a", 1) == [("d", ADMITTED)]


def test_impossible_names_are_limited_by_their_source(admission: tuple[Admission, Guard]) -> None:
    gate, _ = admission
    assert [gate.enter(number, None, SOURCE, 1) for number in range(4)] == [ADMITTED, ADMITTED, ADMITTED, HELD]


def test_one_who_leaves_while_held_is_forgotten(admission: tuple[Admission, Guard]) -> None:
    gate, _ = admission
    for number in range(4):
        gate.enter(number, "anna", SOURCE, 1)
    assert gate.leave(2, 1) == []
    assert gate.leave(0, 1) == [(3, ADMITTED)]
    assert gate.leave(77, 1) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.booleans()), max_size=40))
def test_nobody_is_forgotten_and_guesses_stay_within_the_limits(attempts: list[tuple[str, str, bool]]) -> None:
    guard = Guard(Limits(failures=2, address_failures=4, window=1000, duration=1000))
    gate = Admission(guard)
    verdicts: dict[int, str] = {}
    running: list[int] = []

    def settle(number: int, verdict: str) -> None:
        if verdict != HELD:
            verdicts[number] = verdict
        if verdict == ADMITTED:
            running.append(number)

    for number, (account, source, _) in enumerate(attempts):
        settle(number, gate.enter(number, account, source, 1))
    wrong = dict.fromkeys("abc", 0)
    while running:
        number = running.pop(0)
        account, source, fails = attempts[number]
        if fails:
            wrong[account] += 1
            guard.failed((ACCOUNT, account), 1)
            guard.failed(("address", source), 1)
        for other, verdict in gate.leave(number, 1):
            assert isinstance(other, int)
            settle(other, verdict)
    assert len(verdicts) == len(attempts)
    assert max(wrong.values()) <= 2
