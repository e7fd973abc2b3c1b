# SPDX-License-Identifier: GPL-3.0-or-later
"""Frameworks and audit profiles: what rules name is listed, what is covered has rules, and nothing dangles."""

from __future__ import annotations

from pathlib import Path

import pytest

from wolfguard.errors import ConfigurationError
from wolfguard.policy.controls import (
    DEFAULT_PROFILE,
    audit_profile_names,
    framework_names,
    read_audit_profile,
    read_framework,
)
from wolfguard.policy.rules import read_rules, rule_ids

RULES = read_rules()


def test_every_reference_is_a_control_that_is_listed() -> None:
    listed = {name: {control.id for control in read_framework(name).controls} for name in framework_names()}
    dangling = [
        (rule.id, each.framework, each.id)
        for rule in RULES
        for each in rule.references
        if each.id not in listed.get(each.framework, set())
    ]
    assert dangling == []


@pytest.mark.parametrize("name", framework_names())
def test_a_status_is_what_rules_say(name: str) -> None:
    framework = read_framework(name)
    of_control = framework.by_control(RULES)
    for control in framework.controls:
        has_rules = bool(of_control[control.id])
        assert has_rules == (control.status in ("covered", "partly")), control.id


def test_the_vpn_srg_is_whole() -> None:
    framework = read_framework("disa-vpn-srg")
    assert len(framework.controls) == 81
    assert sum(control.status == "outside" for control in framework.controls) >= 16


@pytest.mark.parametrize("name", audit_profile_names())
def test_profiles_choose_rules(name: str) -> None:
    profile = read_audit_profile(name)
    assert profile.rules
    assert {rule.id for rule in profile.rules} <= set(rule_ids())
    assert profile.frameworks


def test_the_default_profile_is_everything_but_one_benchmarks_own() -> None:
    default = {rule.id for rule in read_audit_profile(DEFAULT_PROFILE).rules}
    beyond = [rule for rule in RULES if rule.id not in default]
    assert {each.framework for rule in beyond for each in rule.references} == {"cis-debian12"}
    assert {rule.id for rule in beyond} <= {rule.id for rule in read_audit_profile("cis-debian12").rules}
    assert not [rule.id for rule in RULES if not rule.references and rule.id not in default]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("areas: [cellar]", "there is no area 'cellar'"),
        ("rules: [host/nothing]", "there is no rule 'host/nothing'"),
        ("controls: [iso]", "there is no framework 'iso'"),
        ("areas: [host]\nvariables: {depth: 3}", "there is no variable 'depth'"),
        ("without: [host/swap-encrypted]", "it chooses no rule"),
        ("commands: [id]", "commands: unknown field"),
    ],
)
def test_refusals_name_what_is_wrong(
    line: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "site.yml").write_text(f"title: t\nabout: a\nframeworks: []\n{line}\n")
    (tmp_path / "controls").mkdir()
    monkeypatch.setattr("wolfguard.policy.controls.policies", lambda: tmp_path)
    with pytest.raises(ConfigurationError, match=complaint):
        read_audit_profile("site")


def test_a_name_is_no_path() -> None:
    with pytest.raises(ConfigurationError, match="there is no audit profile"):
        read_audit_profile("../audit/default")
