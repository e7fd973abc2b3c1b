# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/confinement.md are those that the tests of confinement go by."""

from __future__ import annotations

from tests.system.payload.attempt import Outcome
from tests.system.payload.attempts import WORKER
from tests.system.payload.others import OTHERS
from tests.system.payload.table import PAGE, rendered


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert text == rendered(text), "run python -m tests.system.payload.table"


def test_each_attempt_has_a_name_of_its_own() -> None:
    for attempts in (WORKER, *OTHERS.values()):
        names = [each.name for each in attempts]
        assert sorted(set(names)) == sorted(names)


def test_each_attempt_has_an_answer() -> None:
    outcomes: list[Outcome] = [each.enforced for each in (*WORKER, *(one for each in OTHERS.values() for one in each))]
    assert all(each.errors and each.layer for each in outcomes)
