# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that rules leave open: each has its limits, within which a site's file sets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wolfguard.errors import ConfigurationError
from wolfguard.policy import variables
from wolfguard.policy.controls import read_audit_profile
from wolfguard.policy.rules import read_rules

GOOD = """
title: Values of the Example Agency
variables:
  idle_seconds: {value: 900, reason: "policy 7.3 of the agency"}
  declared_tcp_ports: {value: [443], reason: "SSH comes over another network"}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "tailoring.yml"
    file.write_text(text)
    return file


def test_rules_and_the_list_name_the_same() -> None:
    used = {name for rule in read_rules() for name in rule.variables}
    assert used == set(variables.variables())


def test_rules_come_with_values_within_the_limits_and_agree_about_them() -> None:
    standing: dict[str, object] = {}
    for rule in read_rules():
        variables.check(rule.variables, rule.id)
        for name, value in rule.variables.items():
            assert standing.setdefault(name, value) == value, f"{rule.id} has another {name}"


def test_a_sites_values(tmp_path: Path) -> None:
    tailoring = variables.read_tailoring(written(tmp_path, GOOD))
    profile = read_audit_profile("default", tailoring)
    rules = {rule.id: rule for rule in profile.rules}
    assert rules["auth/idle-session-ends"].expect.wanted == 900
    assert rules["network/tcp-ports-declared"].expect.wanted == (443,)
    told = {each.name: each for each in profile.tailored}
    assert set(told) == {"idle_seconds", "declared_tcp_ports"}
    assert (told["idle_seconds"].value, told["idle_seconds"].instead_of) == (900, 3600)
    assert told["idle_seconds"].origin == "Values of the Example Agency"
    assert told["idle_seconds"].reason == "policy 7.3 of the agency"


def test_a_site_goes_before_the_profile(tmp_path: Path) -> None:
    (told,) = read_audit_profile("gateway").tailored
    assert (told.name, told.value, told.origin) == ("concurrent_sessions", 5, "profile gateway")
    text = "title: ours\nvariables: {concurrent_sessions: {value: 2, reason: two devices each}}\n"
    (told,) = read_audit_profile("gateway", variables.read_tailoring(written(tmp_path, text))).tailored
    assert (told.value, told.origin) == (2, "ours")


def test_what_no_rule_of_the_profile_uses_is_not_said(tmp_path: Path) -> None:
    tailoring = variables.read_tailoring(written(tmp_path, GOOD))
    assert [each.name for each in read_audit_profile("gateway", tailoring).tailored] == ["concurrent_sessions"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("depth: {value: 1, reason: why not}", "there is no variable 'depth'"),
        ("idle_seconds: {value: 5, reason: why not}", "idle_seconds must be a number from 60 to 86400"),
        ("idle_seconds: {value: 86401, reason: why not}", "must be a number"),
        ("idle_seconds: {value: soon, reason: why not}", "must be a number"),
        ("idle_seconds: {value: true, reason: why not}", "must be a number"),
        ("idle_seconds: {value: 900}", "reason: required field"),
        ("idle_seconds: 900", "must be of dict type"),
        ("declared_tcp_ports: {value: [0], reason: why not}", "a list of at most 64 numbers"),
        ("networks_beside: {value: [everything], reason: why not}", "networks as 10.0.0.0/8"),
        ("module_level: {value: fine, reason: why not}", "one of none, eval, bundle, validated"),
        ("notice_text: {value: '(', reason: why not}", "no regular expression"),
    ],
)
def test_refusals_name_what_is_wrong(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint.replace("(", r"\(")):
        variables.read_tailoring(written(tmp_path, f"title: ours\nvariables:\n  {line}\n"))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such regular file"):
        variables.read_tailoring(tmp_path)
    with pytest.raises(ConfigurationError, match="not YAML"):
        variables.read_tailoring(written(tmp_path, "title: [\n"))
    with pytest.raises(ConfigurationError, match="unknown field"):
        variables.read_tailoring(written(tmp_path, f"{GOOD}without: [host/swap-encrypted]\n"))
