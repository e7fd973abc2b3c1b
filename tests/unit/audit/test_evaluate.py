# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule judges its own fixtures, and turning an observed value round turns the verdict round; nothing that could
not be looked at passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from wolfguard.audit.evaluate import evaluate, looks
from wolfguard.audit.observation import Observation
from wolfguard.audit.result import Finding, State
from wolfguard.policy.expect import Expectation, expectation
from wolfguard.policy.rule import Look, Rule
from wolfguard.policy.rules import read_fixtures, read_rule, read_rules

RULES = [rule for rule in read_rules() if not rule.manual]
MANUAL = [rule for rule in read_rules() if rule.manual]
WITH_CONDITION = [rule for rule in RULES if rule.condition is not None]


def judged(rule: Rule, observation: Observation, condition: Observation | None = None) -> Finding:
    """With its condition met, unless another observation is given for it; the rule's own value is judged alone."""
    if condition is None:
        return evaluate(replace(rule, condition=None), {rule.observe.look: observation})
    assert rule.condition is not None
    moved = replace(rule.condition, observe=replace(rule.condition.observe, look=Look("condition")))
    return evaluate(replace(rule, condition=moved), {Look("condition"): condition, rule.observe.look: observation})


def put(seen: Any, key: tuple[str, ...], value: Any) -> Any:
    """The same with another value at `key`."""
    if not key:
        return value
    return {**seen, key[0]: put(seen.get(key[0], {}), key[1:], value)}


def turned(expect: Expectation, value: Any) -> Any:
    """A value that is next to this one and not as expected."""
    wanted: Any = expect.wanted
    match expect.comparison:
        case "matches":
            # next to it, or where the pattern takes that too, nothing of it
            return "" if re.fullmatch(wanted, f"{value}?") else f"{value}?"
        case "equals" | "one_of":
            if isinstance(value, bool):
                return not value
            if isinstance(value, int):
                numbers = wanted if isinstance(wanted, tuple) else (wanted,)
                return max(number for number in numbers if isinstance(number, int)) + 1
            return (*value, "more") if isinstance(value, tuple) else f"{value}?"
        case "none_of":
            return wanted[0]
        case "at_least":
            return wanted - 1
        case "at_most":
            return wanted + 1
        case "between":
            return wanted[1] + 1
        case "contains":
            return tuple(each for each in value if each != wanted)
        case "contains_all":
            return tuple(each for each in value if each != wanted[-1])
        case "contains_none":
            return (*value, wanted[0])
        case "within" | "empty":
            return (*value, "beyond")
        case "mode_within":
            return f"{int(value, 8) | 0o1 | (0o7777 & ~int(wanted, 8)):04o}"
        case "present":
            return None
    return "there"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_fixtures(rule: Rule) -> None:
    fixtures = read_fixtures(rule.id)
    good = judged(rule, Observation(fixtures["pass"].value, "fixture"))  # type: ignore[arg-type]
    bad = judged(rule, Observation(fixtures["fail"].value, "fixture"))  # type: ignore[arg-type]
    assert (good.state, good.reason) == (State.PASS, "")
    assert bad.state is State.FAIL
    assert bad.reason
    assert good.observed != bad.observed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_turning_the_value_round_turns_the_verdict_round(rule: Rule) -> None:
    seen = read_fixtures(rule.id)["pass"].value
    value = Observation(seen, "").part(rule.observe.key)  # type: ignore[arg-type]
    wrong = put(seen, rule.observe.key, turned(rule.expect, value))
    assert judged(rule, Observation(wrong, "")).state is State.FAIL
    assert judged(rule, Observation(put(wrong, rule.observe.key, value), "")).state is State.PASS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_could_not_be_looked_at_is_an_error(rule: Rule) -> None:
    finding = judged(rule, Observation(None, "", "permission denied"))
    assert (finding.state, finding.reason) == (State.ERROR, "permission denied")
    part = Observation({}, "", unseen={"/".join(rule.observe.key): "nobody could say"})
    assert (judged(rule, part).state, judged(rule, part).reason) == (State.ERROR, "nobody could say")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_is_not_there_passes_only_where_that_is_expected(rule: Rule) -> None:
    state = judged(rule, Observation(None, "")).state
    assert state is (State.PASS if rule.expect.comparison == "absent" else State.FAIL)


@pytest.mark.parametrize("rule", WITH_CONDITION, ids=lambda rule: rule.id)
def test_conditions(rule: Rule) -> None:
    good = Observation(read_fixtures(rule.id)["pass"].value, "")  # type: ignore[arg-type]
    assert rule.condition is not None
    expect = rule.condition.expect
    held: Any = {"present": "there", "equals": expect.wanted, "one_of": ("file",), "none_of": "another"}
    held["contains"] = (expect.wanted,)
    value = held[expect.comparison][0] if expect.comparison == "one_of" else held[expect.comparison]
    met = Observation(put({}, rule.condition.observe.key, value), "")
    assert judged(rule, good, met).state is State.PASS
    against = judged(rule, good, Observation(put({}, rule.condition.observe.key, turned(expect, value)), ""))
    assert (against.state, against.reason) == (State.NOT_APPLICABLE, rule.condition.otherwise)
    unseen = judged(rule, good, Observation(None, "", "no permission"))
    assert unseen.state is State.ERROR
    assert "whether it applies" in unseen.reason


def test_a_value_of_another_kind_is_an_error_and_no_verdict() -> None:
    rule = replace(read_rule("host/clock-kept"), expect=expectation("at_least", 1))
    finding = judged(rule, Observation({"synchronized": "yes"}, ""))
    assert finding.state is State.ERROR
    assert "cannot be compared" in finding.reason


def test_looks_are_asked_for_once() -> None:
    rule = read_rule("host/selinux-enforcing-at-boot")
    observations: Mapping[Look, Observation] = {rule.observe.look: Observation({"mode": "disabled"}, "")}
    assert set(looks(rule)) == set(observations)
    assert evaluate(rule, observations).state is State.NOT_APPLICABLE


@pytest.mark.parametrize("rule", MANUAL, ids=lambda rule: rule.id)
def test_what_only_a_person_can_say(rule: Rule) -> None:
    assert looks(rule) == ()
    finding = evaluate(rule, {})
    assert finding.state is State.MANUAL
    assert finding.reason.endswith("?")
