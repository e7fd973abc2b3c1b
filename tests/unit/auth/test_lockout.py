# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures and lockouts of accounts and sources."""

from __future__ import annotations

import pytest

from wolfguard.auth.lockout import ACCOUNT, ADDRESS, CONSECUTIVE_MAX, FOREVER, Failures, Guard, Limits, source_of

LIMITS = Limits(failures=3, address_failures=5, window=100, duration=50)
ANNA = (ACCOUNT, "anna")
HOME = (ADDRESS, "192.0.2.1")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_sources(address: str, source: str) -> None:
    assert source_of(address) == source


def test_too_many_failures_in_the_window_lock_for_a_while() -> None:
    guard = Guard(LIMITS)
    assert [guard.failed(ANNA, now, known=True) for now in (1000, 1010, 1020)] == [0, 0, 1070]
    assert guard.locked_until(ANNA, 1069) == 1070
    assert guard.locked_until(ANNA, 1070) == 0
    assert guard.failed(ANNA, 1071, known=True) == 0, "counting starts anew"


def test_failures_outside_the_window_do_not_add_up() -> None:
    guard = Guard(LIMITS)
    assert [guard.failed(ANNA, now) for now in (1000, 1101, 1202, 1303)] == [0, 0, 0, 0]


def test_a_clock_set_back_starts_a_new_window() -> None:
    guard = Guard(LIMITS)
    guard.failed(ANNA, 5000)
    guard.failed(ANNA, 5000)
    assert guard.failed(ANNA, 1000) == 0


def test_unknown_accounts_lock_like_known_ones() -> None:
    known, unknown = Guard(LIMITS), Guard(LIMITS)
    for now in (1, 2, 3):
        assert known.failed(ANNA, now, known=True) == unknown.failed(ANNA, now, known=False)


def test_sources_lock_apart_from_accounts() -> None:
    guard = Guard(LIMITS)
    assert [guard.failed(HOME, 1) for _ in range(5)] == [0, 0, 0, 0, 51]


def test_a_good_login_tells_and_forgets_the_failures_of_the_account_only() -> None:
    guard = Guard(LIMITS)
    guard.failed(ANNA, 1, known=True)
    guard.failed(ANNA, 1, known=True)
    guard.failed(HOME, 1)
    assert guard.succeeded("anna") == 2
    assert guard.succeeded("anna") == 0
    assert guard.row(HOME) is not None
    assert guard.changed == {ANNA, HOME}


def test_after_a_hundred_failures_only_an_administrator_helps() -> None:
    guard = Guard(LIMITS)
    until = [guard.failed(ANNA, now * 1000, known=True) for now in range(CONSECUTIVE_MAX)]
    assert until[-1] == FOREVER
    assert guard.locked_until(ANNA, 1e12) == FOREVER
    guard.clear(ANNA)
    assert guard.locked_until(ANNA, 1e12) == 0


def test_strangers_make_room_and_real_accounts_stay() -> None:
    guard = Guard(LIMITS, strangers=3)
    guard.failed(ANNA, 1, known=True)
    for number in range(10):
        guard.failed((ACCOUNT, f"nobody{number}"), 1)
    assert [key[1] for key, _ in guard.rows()] == ["anna", "nobody7", "nobody8", "nobody9"]
    assert (ACCOUNT, "nobody0") in guard.changed, "its stored row must go too"


def test_a_name_that_becomes_an_account_keeps_its_count() -> None:
    guard = Guard(LIMITS)
    guard.failed(ANNA, 1, known=False)
    guard.failed(ANNA, 1, known=True)
    row = guard.row(ANNA)
    assert row is not None
    assert (row.count, row.known) == (2, True)
    assert len(list(guard.rows())) == 1


def test_lockouts_come_back_after_a_restart() -> None:
    guard = Guard(LIMITS)
    guard.restore([(ANNA, Failures(0, 0, 1070, 3, True))])
    assert guard.locked_until(ANNA, 1069) == 1070


def test_attempts_under_way_count_like_failures() -> None:
    guard = Guard(LIMITS)
    guard.failed(ANNA, 1)
    guard.begin([ANNA])
    assert guard.room(ANNA, 1)
    guard.begin([ANNA])
    assert not guard.room(ANNA, 1)
    guard.finish([ANNA])
    assert guard.room(ANNA, 1)
