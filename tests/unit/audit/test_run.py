# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of looking: each observation once, several at a time, within limits; what hangs or breaks is an error."""

from __future__ import annotations

import threading
import time

import pytest

from tests.unit.audit.fake_place import FakePlace, vantage
from wolfguard.audit import run
from wolfguard.audit.observation import Observation
from wolfguard.audit.result import State
from wolfguard.audit.run import Limits
from wolfguard.policy.controls import read_audit_profile
from wolfguard.policy.rule import Look

LOOKS = tuple(Look(f"probe-{number}") for number in range(6))


def quiet(done: int, of: int, what: str) -> None:
    """No progress."""


def test_several_at_a_time_and_each_once() -> None:
    together = threading.Barrier(3, timeout=10)
    asked: list[Look] = []

    def look_at(look: Look) -> Observation:
        asked.append(look)
        together.wait()  # passes only when three look at the same time
        return Observation({"name": look.probe}, look.probe)

    seen, took = run.observe(LOOKS, look_at, Limits(at_a_time=3), quiet)
    assert sorted(asked, key=lambda look: look.probe) == list(LOOKS)
    assert {look: observation.part(("name",)) for look, observation in seen.items()} == {
        look: look.probe for look in LOOKS
    }
    assert set(took) == set(LOOKS)


def test_a_probe_that_hangs_costs_its_own_rules_alone() -> None:
    never = threading.Event()

    def look_at(look: Look) -> Observation:
        if look in LOOKS[:2]:
            never.wait()
        return Observation({}, look.probe)

    begun = time.monotonic()
    seen, _ = run.observe(LOOKS, look_at, Limits(probe=0.3, at_a_time=2), quiet)
    never.set()
    assert time.monotonic() - begun < 10
    assert [bool(seen[look].problem) for look in LOOKS] == [True, True, False, False, False, False]
    assert "did not come back within 0.3 s" in seen[LOOKS[0]].problem


def test_the_whole_has_an_end() -> None:
    never = threading.Event()

    def look_at(look: Look) -> Observation:
        never.wait()
        return Observation({}, look.probe)

    seen, _ = run.observe(LOOKS, look_at, Limits(whole=0.2, at_a_time=1), quiet)
    never.set()
    assert all("were over before" in seen[look].problem for look in LOOKS)


def test_a_defect_is_an_error_that_tells_nothing_of_its_values() -> None:
    def look_at(look: Look) -> Observation:
        raise ValueError("the secret is hunter2")

    seen, _ = run.observe(LOOKS[:1], look_at, Limits(), quiet)
    assert seen[LOOKS[0]].problem == "the probe failed (ValueError): a defect of this command"


def test_progress_counts_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    run.observe(LOOKS, lambda look: Observation({}, ""), Limits(), lambda done, of, what: steps.append((done, of)))
    assert steps == [(number, 6) for number in range(1, 7)]


@pytest.fixture(scope="module")
def nothing() -> dict[str, tuple[State, str]]:
    """What an audit says of a machine on which nothing can be looked at."""
    profile = read_audit_profile("default")
    found = run.audit(profile, vantage(FakePlace()), "1.0")
    return {finding.rule.id: (finding.state, finding.reason) for finding in found.findings}


def test_every_rule_has_a_finding_and_no_probe_breaks(nothing: dict[str, tuple[State, str]]) -> None:
    assert set(nothing) == {rule.id for rule in read_audit_profile("default").rules}
    assert [rule for rule, (_, reason) in nothing.items() if "defect" in reason] == []


def test_nothing_that_needs_the_gateway_passes_without_it(nothing: dict[str, tuple[State, str]]) -> None:
    live = {"gateway", "confinement", "handshake", "datagrams", "certificate", "fips"}
    for rule in read_audit_profile("default").rules:
        looks = {rule.observe.look.probe, *([rule.condition.observe.look.probe] if rule.condition else [])}
        if rule.manual:
            assert nothing[rule.id][0] is State.MANUAL
        if looks & live:
            assert nothing[rule.id][0] in (State.ERROR, State.NOT_APPLICABLE), rule.id
