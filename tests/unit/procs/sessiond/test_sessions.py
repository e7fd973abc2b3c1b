# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of sessions: epochs, deadlines, places."""

from __future__ import annotations

from typing import Any

import pytest

from wolfguard.procs.sessiond.sessions import EXPIRED, NOT_BACK, UNUSED, Session, Sessions


def session(number: int = 1, **changes: Any) -> Session:
    given: dict[str, Any] = {
        "number": number,
        "cookie_hash": b"%d" % number,
        "user": "anna",
        "group": "",
        "site": "main",
        "place": number,
        "created": 100,
        "expires": 0,
        "deadline": 130,
        **changes,
    }
    return Session(**given)


def test_numbers_and_cookies_are_unique() -> None:
    sessions = Sessions(8)
    sessions.add(session())
    with pytest.raises(ValueError, match="exists"):
        sessions.add(session())
    with pytest.raises(ValueError, match="exists"):
        sessions.add(session(2, cookie_hash=b"1"))


def test_epochs_only_grow() -> None:
    sessions = Sessions(8)
    one = session()
    sessions.add(one)
    sessions.open(one, 0, 5, 110)
    with pytest.raises(ValueError, match="grow"):
        sessions.open(one, 1, 5, 111)


def test_reasons_of_ends_by_time() -> None:
    sessions = Sessions(8)
    fresh, lost, old = session(1), session(2), session(3, expires=200)
    for each in (fresh, lost, old):
        sessions.add(each)
    sessions.open(lost, 0, 1, 110)
    sessions.open(old, 0, 2, 110)
    sessions.closed(lost, 1, 120, 80)
    assert sessions.due(129) == []
    assert sessions.due(130) == [(fresh, UNUSED)]
    assert sorted((each.number, reason) for each, reason in sessions.due(200)) == [(2, NOT_BACK), (3, EXPIRED)]


def test_stale_deadlines_do_not_pile_up() -> None:
    sessions = Sessions(8)
    one = session(expires=10_000)
    sessions.add(one)
    for epoch in range(1, 1000):
        sessions.open(one, 0, epoch, 110)
        sessions.closed(one, epoch, 110 + epoch, 80)
    assert len(sessions._due) < 200
    assert sessions.due(10_000) == [(one, EXPIRED)]


def test_places_are_reused_lowest_first() -> None:
    sessions = Sessions(3)
    assert [sessions.take_place() for _ in range(3)] == [0, 1, 2]
    assert sessions.full
    with pytest.raises(IndexError):
        sessions.take_place()
    for number in (1, 2):
        one = session(number)
        sessions.add(one)
        sessions.end(one)
    assert [sessions.take_place(), sessions.take_place()] == [1, 2]


def test_places_after_a_restart() -> None:
    sessions = Sessions(5)
    sessions.add(session(3))
    sessions.add(session(1))
    sessions.restore_places()
    assert [each.number for each in sessions.page(0, 9)] == [1, 3]
    assert [sessions.take_place() for _ in range(3)] == [0, 2, 4]
    assert sessions.full


def test_sessions_of_a_group() -> None:
    sessions = Sessions(8)
    one, two, other = session(1, group="staff"), session(2, group="staff", user="bert"), session(3, group="")
    for each in (one, two, other, session(4, group="staff", site="second")):
        sessions.add(each)
    assert sessions.of_group("main", "staff") == (one, two)
    sessions.end(one)
    sessions.end(two)
    assert sessions.of_group("main", "staff") == ()
    assert sessions.of_group("main", "") == (other,)
