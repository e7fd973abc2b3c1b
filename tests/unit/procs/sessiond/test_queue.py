# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of accounting: order, bounds, what takes whose place, and what becomes of what nobody confirms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.ipc.accounting import INTERIM, OFF, ON, START, STOP, AccountingEvent
from wolfguard.procs.sessiond.queue import FULL, OLD, UNFIT, WAIT_FIRST, WAIT_MOST, AccountingQueue, Waiting


def event(kind: str, session: int = 1, time: int = 100) -> AccountingEvent:
    return AccountingEvent(kind, time, 0 if kind in (ON, OFF) else session)


def filled(*kinds: tuple[str, int], limit: int = 100, keep: int = 1000) -> AccountingQueue:
    queue = AccountingQueue(limit, keep)
    for number, (kind, session) in enumerate(kinds, 1):
        queue.put(number, event(kind, session))
        queue.stored(number)
    return queue


def numbers(batch: Iterable[Waiting]) -> list[int]:
    return [each.number for each in batch]


def left(queue: AccountingQueue) -> list[tuple[str, int]]:
    return [(each.event.kind, each.event.session) for each in queue._events.values()]


def confirm(queue: AccountingQueue, now: float = 0.0) -> list[int]:
    batch = queue.batch(now, 64)
    queue.settle(batch, set(numbers(batch)), set(), now)
    return numbers(batch)


def test_one_event_of_a_session_at_a_time() -> None:
    queue = filled((START, 1), (START, 2), (STOP, 1), (STOP, 2))
    assert confirm(queue) == [1, 2]
    assert confirm(queue) == [3, 4]
    assert not queue


def test_what_speaks_of_all_sessions_goes_alone_and_in_order() -> None:
    queue = filled((STOP, 1), (STOP, 2), (OFF, 0), (ON, 0), (START, 3))
    assert [confirm(queue) for _ in range(4)] == [[1, 2], [3], [4], [5]]


def test_nothing_goes_out_before_it_is_stored() -> None:
    queue = AccountingQueue(10, 1000)
    queue.put(1, event(START))
    assert queue.batch(0, 64) == ()
    queue.stored(1)
    assert numbers(queue.batch(0, 64)) == [1]
    assert queue.batch(0, 64) == (), "it is under way"


def test_a_newer_report_and_the_end_take_the_place_of_an_older_report() -> None:
    queue = filled((START, 1), (INTERIM, 1), (INTERIM, 2), (INTERIM, 1))
    assert left(queue) == [(START, 1), (INTERIM, 2), (INTERIM, 1)]
    queue.put(9, event(STOP, 1))
    assert left(queue) == [(START, 1), (INTERIM, 2), (STOP, 1)]
    assert not queue.lost, "nothing of it is a loss"
    assert queue.changed == {1, 2, 3, 4, 9}


def test_a_report_under_way_is_not_sent_again_once_the_end_waits() -> None:
    queue = filled((INTERIM, 1))
    batch = queue.batch(0, 64)
    queue.put(2, event(STOP, 1))
    assert left(queue) == [(INTERIM, 1), (STOP, 1)]
    queue.settle(batch, set(), set(), 0)
    assert left(queue) == [(STOP, 1)]


@pytest.mark.parametrize(
    ("kinds", "then", "rest"),
    [
        ([(START, 1), (INTERIM, 2), (STOP, 3)], (STOP, 4), [(START, 1), (STOP, 3), (STOP, 4)]),
        ([(START, 1), (START, 2), (STOP, 3)], (STOP, 4), [(START, 2), (STOP, 3), (STOP, 4)]),
        ([(STOP, 1), (STOP, 2), (STOP, 3)], (STOP, 4), [(STOP, 2), (STOP, 3), (STOP, 4)]),
        ([(STOP, 1), (STOP, 2), (STOP, 3)], (START, 4), [(STOP, 1), (STOP, 2), (STOP, 3)]),
        ([(START, 1), (STOP, 2), (STOP, 3)], (INTERIM, 4), [(START, 1), (STOP, 2), (STOP, 3)]),
        ([(INTERIM, 1), (STOP, 2), (STOP, 3)], (INTERIM, 4), [(STOP, 2), (STOP, 3), (INTERIM, 4)]),
    ],
)
def test_a_full_queue_drops_what_says_least(
    kinds: Sequence[tuple[str, int]], then: tuple[str, int], rest: Sequence[tuple[str, int]]
) -> None:
    queue = filled(*kinds, limit=3)
    queue.put(9, event(*then))
    assert left(queue) == rest
    assert queue.lost == queue.take_lost() == {FULL: 1}
    assert not queue.take_lost()


def test_what_waits_for_too_long_is_dropped() -> None:
    queue = AccountingQueue(10, 1000)
    for number, time in ((1, 100), (2, 500)):
        queue.put(number, event(START, number, time))
    queue.expire(1099)
    assert len(queue) == 2
    queue.expire(1100)
    assert (queue.oldest, queue.lost) == (500, {OLD: 1})


def test_silent_servers_are_asked_ever_more_seldom_and_then_at_once() -> None:
    queue = filled((START, 1))
    now, waits = 0.0, []
    for _ in range(9):
        batch = queue.batch(now, 64)
        queue.settle(batch, set(), set(), now)
        due = queue.next_due(now)
        assert due is not None
        assert queue.batch(due - 0.01, 64) == ()
        waits.append(due - now)
        now = due
    assert waits[:3] == [WAIT_FIRST, 2 * WAIT_FIRST, 4 * WAIT_FIRST]
    assert waits[-1] == WAIT_MOST
    assert not queue.answered
    queue.settle(queue.batch(now, 64), set(), set(), now)
    queue.again()
    assert numbers(queue.batch(now, 64)) == [1]


def test_one_event_that_nobody_confirms_holds_up_its_session_alone() -> None:
    queue = filled((START, 1), (START, 2), (STOP, 1), (STOP, 2))
    batch = queue.batch(0, 64)
    assert not queue.settle(batch, {2}, set(), 0), "servers answer as before"
    assert numbers(queue.batch(0, 64)) == [4]
    assert queue.next_due(0) == WAIT_FIRST
    assert numbers(queue.batch(WAIT_FIRST, 64)) == [1]


def test_what_no_packet_can_carry_is_lost_and_counted() -> None:
    queue = filled((START, 1))
    queue.settle(queue.batch(0, 64), set(), {1}, 0)
    assert (len(queue), queue.lost) == (0, {UNFIT: 1})


def test_that_servers_cease_to_answer_and_answer_again_is_told_once() -> None:
    queue = filled((START, 1), (START, 2))
    told = [
        queue.settle(queue.batch(now, 1), done, set(), now) for now, done in ((0, set[int]()), (9, set()), (99, {1}))
    ]
    assert told == [True, False, True]


KINDS = st.tuples(st.sampled_from([START, INTERIM, STOP]), st.integers(1, 4))


@given(st.lists(st.one_of(KINDS, st.sampled_from(["send", "fail"])), max_size=60), st.integers(2, 8))
def test_a_session_is_told_in_order_whatever_happens(acts: list[tuple[str, int] | str], limit: int) -> None:
    queue = AccountingQueue(limit, 10_000)
    now, said, lost = 0.0, list[tuple[int, int]](), 0
    for number, act in enumerate(acts, 1):
        if isinstance(act, tuple):
            queue.put(number, event(*act))
            queue.stored(number)
        else:
            now += WAIT_MOST
            batch = queue.batch(now, 3)
            assert len({each.event.session for each in batch}) == len(batch)
            done = set(numbers(batch)) if act == "send" else set()
            said += [(each.event.session, each.number) for each in batch if done]
            queue.settle(batch, done, set(), now)
        assert len(queue) <= limit
        # what was confirmed, is lost, or was replaced is gone; nothing else is
        assert all(queue.get(each) is None for _, each in said)
        lost += sum(queue.take_lost().values())
    for session in range(1, 5):
        own = [number for each, number in said if each == session]
        assert own == sorted(own)
    assert lost == sum(queue.lost.values())
