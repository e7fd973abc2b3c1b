# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way from one state to another has one name, and none of them makes a failure disappear."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.audit import sample
from wolfguard.audit.compare import Kind, compare, failing_since, history
from wolfguard.audit.kept import Kept
from wolfguard.audit.result import State
from wolfguard.policy.expect import expectation

BASE = sample.result()
W, U, G, A, C, B = Kind.WORSE, Kind.UNSEEN, Kind.GONE, Kind.ACCEPTED, Kind.CHANGED, Kind.BETTER
STATES = (State.PASS, State.FAIL, State.ERROR, State.NOT_APPLICABLE, State.MANUAL, State.WAIVED)
# by the state before, in the order of STATES
TABLE = {
    State.PASS: (None, W, U, C, C, W),
    State.FAIL: (B, None, U, C, C, A),
    State.ERROR: (B, W, None, C, C, A),
    State.NOT_APPLICABLE: (C, W, U, None, C, W),
    State.MANUAL: (C, W, U, C, None, W),
    State.WAIVED: (B, W, U, C, C, None),
}


def with_states(*states: State, days: int = 0, **changes: object) -> Kept:
    """An audit of the first rules in these states."""
    found = tuple(
        replace(finding, state=state, observed=1) for finding, state in zip(BASE.findings, states, strict=False)
    )
    moved = replace(BASE, findings=found, begun=BASE.begun + timedelta(days=days))
    return replace(moved, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", STATES)
def test_every_way_has_its_name(before: State) -> None:
    for after, kind in zip(STATES, TABLE[before], strict=True):
        found = compare(with_states(before), with_states(after))
        assert [change.kind for change in found.changes] == ([] if kind is None else [kind]), (before, after)
        assert found.same == (1 if kind is None else 0)


def test_rules_that_come_and_go() -> None:
    few, more = with_states(State.PASS), with_states(State.PASS, State.PASS, State.FAIL)
    assert [(each.kind, each.rule) for each in compare(few, more).changes] == [
        (Kind.WORSE, "host/forwarding"),
        (Kind.NEW, "fips/module-level"),
    ]
    assert [each.kind for each in compare(more, few).changes] == [Kind.GONE, Kind.GONE]


def test_another_measure_is_named_although_the_state_is_the_same() -> None:
    one = with_states(State.PASS)
    loose = replace(one, findings=(replace(one.findings[0], expected=expectation("at_most", 500)),))
    assert [each.kind for each in compare(one, loose).changes] == [Kind.JUDGED]


def test_another_value() -> None:
    one = with_states(State.FAIL)
    other = replace(one, findings=(replace(one.findings[0], observed=2),))
    assert [each.kind for each in compare(one, other).changes] == [Kind.VALUE]


def test_what_makes_results_hard_to_compare() -> None:
    one = with_states(State.PASS, days=1)
    other = with_states(State.PASS, place="gateway-2", profile="other", version="9")
    assert len(compare(one, other).remarks) == 4
    assert compare(one, one).remarks == ()


def test_a_history_compares_runs_of_one_machine_and_profile() -> None:
    runs = [
        ("c", with_states(State.FAIL, days=2)),
        ("a", with_states(State.PASS)),
        ("b", with_states(State.PASS, days=1, place="gateway-2")),
    ]
    steps = history(runs)
    assert [step.name for step in steps] == ["a", "b", "c"]
    assert [step.since is None for step in steps] == [True, True, False]
    assert steps[2].since is not None
    assert steps[2].since.count(Kind.WORSE) == 1


def test_since_when_a_rule_fails() -> None:
    states = (State.FAIL, State.PASS, State.FAIL, State.ERROR, State.WAIVED, State.FAIL)
    steps = history([(str(day), with_states(state, State.PASS, days=day)) for day, state in enumerate(states)])
    ((finding, since),) = failing_since(steps, "gateway-1", "sample")
    assert (finding.rule, since) == ("auth/lock-out", BASE.begun + timedelta(days=2))
    assert failing_since(steps, "gateway-2", "sample") == []
