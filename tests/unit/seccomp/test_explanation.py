# SPDX-License-Identifier: GPL-3.0-or-later
"""The explanation says every line of every profile: reason, tested arguments by name, error."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import yaml
from generator.explanation import ARGUMENTS, explanation
from generator.manifest import read_manifest
from generator.outputs import outputs, profiles
from generator.profile import Condition, Profile, Rule

TREE = Path(__file__).resolve().parents[3]
DOCUMENT = json.loads(outputs(TREE)["seccomp/generated/explanation.json"])
CONSTANTS = {
    name: value
    for group in yaml.safe_load((TREE / "seccomp/constants.yml").read_text("utf-8")).values()
    for name, value in group.items()
}


def mask(values: list[str]) -> int:
    total = 0
    for name in values:
        total |= CONSTANTS[name]
    return total


@pytest.mark.parametrize("profile", profiles(TREE).values(), ids=lambda profile: profile.name)
def test_it_says_what_the_filter_does(profile: Profile) -> None:
    told = DOCUMENT["profiles"][profile.name]
    assert [(rule["call"], rule["reason"]) for rule in told] == [(rule.call, rule.reason) for rule in profile.rules]
    for said, rule in zip(told, profile.rules, strict=True):
        assert said["error"] == (errno.errorcode[rule.error] if rule.error else "")
        for tests, conditions in zip(said["when"], rule.alternatives, strict=True):
            for test, condition in zip(tests, conditions, strict=True):
                assert (test["argument"], test["test"]) == (condition.argument, condition.operation)
                alternatives = condition.operation == "in"
                values = {CONSTANTS[name] for name in test["values"]} if alternatives else {mask(test["values"])}
                assert values == set(condition.values)


def test_an_argument_without_a_name_is_refused() -> None:
    rule = Rule("kill", "no reason at all", ((Condition(1, "in", (0,), ("ZERO",)),),))
    with pytest.raises(ValueError, match="argument 1 of kill has no name"):
        explanation(read_manifest(TREE / "seccomp"), {"own": Profile("own", (rule,))}, {})


def test_no_argument_has_a_name_for_nothing() -> None:
    tested = {
        (rule.call, test.argument)
        for profile in profiles(TREE).values()
        for rule in profile.rules
        for tests in rule.alternatives
        for test in tests
    }
    assert {(call, number) for call, names in ARGUMENTS.items() for number in names} == tested
