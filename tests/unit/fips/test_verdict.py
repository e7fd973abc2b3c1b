# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict over every single loss and over combinations of them: only a machine that lacks nothing is validated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fips import good
from tests.unit.fips.good import AFFIRMED, CERTIFICATE, FACTS, LOSSES, TODAY
from wolfguard.fips.facts import Facts
from wolfguard.fips.steps import Level, Limits, Outcome
from wolfguard.fips.verdict import Requirement, Verdict, judge

LIMITS = Limits()


def outcome(found: Verdict, name: str) -> tuple[Outcome, str]:
    return next((step.outcome, step.evidence) for step in found.steps if step.name == name)


def test_validated_when_everything_holds() -> None:
    found = judge(FACTS, LIMITS)
    assert found.level is Level.VALIDATED
    assert {step.outcome for step in found.steps} == {Outcome.MET}
    assert all(step.evidence for step in found.steps)
    assert found.warnings == ()
    assert [found.requirement(level) for level in Level] == [Requirement.MET] * 4


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_lowers_it(name: str) -> None:
    left, change = LOSSES[name]
    found = judge(change(FACTS), LIMITS)
    assert found.level is left
    missed = [step for step in found.steps if step.outcome is not Outcome.MET]
    assert missed
    assert all(step.evidence for step in missed)
    assert min(step.level for step in missed) == left + 1


@given(st.lists(st.sampled_from(sorted(LOSSES)), min_size=1, max_size=6, unique=True))
def test_no_losses_together_leave_it_validated(names: list[str]) -> None:
    facts: Facts = FACTS
    for name in names:
        facts = LOSSES[name][1](facts)
    # a later loss may stand in the place of an earlier one, but never gives back what it took
    assert judge(facts, LIMITS).level < Level.VALIDATED


@given(st.lists(st.sampled_from(sorted(LOSSES)), max_size=4, unique=True))
def test_unknown_is_never_a_pass(names: list[str]) -> None:
    facts: Facts = FACTS
    for name in names:
        facts = LOSSES[name][1](facts)
    found = judge(facts, LIMITS)
    for level in (Level.EVAL, Level.BUNDLE, Level.VALIDATED):
        steps = [step for step in found.steps if step.level <= level]
        assert (found.level >= level) == all(step.outcome is Outcome.MET for step in steps)
        assert (found.requirement(level) is Requirement.MET) == (found.level >= level)
        if any(step.outcome is Outcome.UNMET for step in steps):
            assert found.requirement(level) is Requirement.UNMET


@pytest.mark.parametrize("name", AFFIRMED)
def test_an_affirmed_environment_is_told_as_such_and_is_none(name: str) -> None:
    affirmed, word = AFFIRMED[name]
    facts = good.declaration(affirmed=affirmed, reference="letter 7")(good.environment(system="Debian 14")(FACTS))
    found = judge(facts, LIMITS)
    assert found.level is Level.BUNDLE
    state, evidence = outcome(found, "operating environment")
    assert state is Outcome.UNMET
    assert word in evidence
    assert "letter 7" in evidence
    assert "not validated here" in evidence


def test_an_affirmation_takes_nothing_from_a_tested_environment() -> None:
    facts = good.declaration(affirmed="user", reference="letter 7")(FACTS)
    assert judge(facts, LIMITS).level is Level.VALIDATED


def test_a_clock_that_nobody_keeps_is_an_error_and_judges_no_date() -> None:
    found = judge(good.clock(synchronized=False)(FACTS), LIMITS)
    assert found.level is Level.BUNDLE
    assert found.undecided
    assert found.requirement(Level.VALIDATED) is Requirement.UNDECIDED
    assert found.requirement(Level.BUNDLE) is Requirement.MET
    assert outcome(found, "clock")[0] is Outcome.ERROR
    assert outcome(found, "sunset")[0] is Outcome.UNKNOWN
    assert outcome(found, "age of the list")[0] is Outcome.UNKNOWN
    assert "dates are not judged" in found.warnings[0]


def test_what_speaks_against_a_level_outweighs_what_is_unknown() -> None:
    facts = good.clock(synchronized=False)(good.certificate(status="Revoked")(FACTS))
    assert judge(facts, LIMITS).requirement(Level.VALIDATED) is Requirement.UNMET


@pytest.mark.parametrize(("days", "warned"), [(0, False), (92, False), (93, True), (366, True)])
def test_a_stale_list_warns(days: int, warned: bool) -> None:
    found = judge(good.snapshot(taken=TODAY - timedelta(days=days))(FACTS), LIMITS)
    assert found.level is Level.VALIDATED
    assert [f"{days} days old" in text for text in found.warnings] == [True] * warned


@pytest.mark.parametrize(("days", "warned"), [(0, True), (180, True), (181, False)])
def test_a_near_sunset_warns(days: int, warned: bool) -> None:
    found = judge(good.certificate(sunset=TODAY + timedelta(days=days))(FACTS), LIMITS)
    assert found.level is Level.VALIDATED
    assert [f"ends in {days} days" in text for text in found.warnings] == [True] * warned
    assert f"{days} days left" in outcome(found, "sunset")[1]


def test_limits_are_the_sites() -> None:
    found = judge(FACTS, Limits(stale_days=29, sunset_days=1000))
    assert len(found.warnings) == 2


def test_without_a_gateway_it_says_what_was_not_looked_at() -> None:
    found = judge(LOSSES["no gateway runs"][1](FACTS), LIMITS)
    assert "only this command's own process" in outcome(found, "running processes agree")[1]
    assert outcome(found, "every process seen") == (
        Outcome.UNKNOWN,
        "no gateway runs, so no process of it could be looked at",
    )


def test_a_mode_that_a_line_cannot_tell_is_no_fault() -> None:
    assert judge(good.module(mode=-1)(FACTS), LIMITS).level is Level.VALIDATED


def test_a_row_may_leave_kernel_and_compiler_open() -> None:
    assert judge(good.row(kernel="", compiler="")(FACTS), LIMITS).level is Level.VALIDATED


def test_the_certificate_is_the_declared_one_among_others() -> None:
    other = replace(CERTIFICATE, number=1, status="Revoked")
    assert judge(good.snapshot(certificates=(other, CERTIFICATE))(FACTS), LIMITS).level is Level.VALIDATED
