# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible roles and the policies say the same, and what is generated from both is up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from wolfguard.policy.rule import Rule
from wolfguard.policy.rules import AREAS, read_rules

TREE = Path(__file__).resolve().parents[2]
ROLES = TREE / "ansible" / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
ENFORCED = [rule for rule in read_rules() if rule.enforce.role]


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def options(role: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return found


def tags(role: str) -> set[str]:
    """Every tag of every task of the role, in blocks too."""
    return {tag for file in (ROLES / role).glob("tasks/*.yml") for task in tasks(read(file)) for tag in _tags(task)}


def tasks(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        for inner in ("block", "rescue", "always"):
            yield from tasks(entry.get(inner, []))


def _tags(task: dict[str, Any]) -> list[str]:
    found = task.get("tags", [])
    return [found] if isinstance(found, str) else found


def test_generated_files_are_up_to_date() -> None:
    command = [sys.executable, "-B", str(TREE / "ansible" / "render"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), "run ansible/render"


def test_there_are_rules_that_roles_bring_about() -> None:
    assert len(ENFORCED) > 60


@pytest.mark.parametrize("rule", ENFORCED, ids=lambda rule: rule.id)
def test_a_rule_names_a_role_a_variable_and_a_tag_that_exist(rule: Rule) -> None:
    assert rule.enforce.role in NAMES
    assert rule.enforce.variable in options(rule.enforce.role)
    assert rule.id in tags(rule.enforce.role)


@pytest.mark.parametrize("role", NAMES)
def test_a_tag_names_a_rule_that_names_the_role(role: str) -> None:
    of_rules = {tag for tag in tags(role) if tag.partition("/")[0] in AREAS or "/" in tag}
    assert of_rules == {rule.id for rule in ENFORCED if rule.enforce.role == role}


@pytest.mark.parametrize("role", NAMES)
def test_defaults_are_those_that_the_specification_tells(role: str) -> None:
    file = ROLES / role / "defaults" / "main.yml"
    defaults = read(file) if file.exists() else {}
    told = {name: option["default"] for name, option in options(role).items() if "default" in option}
    required = {name for name, option in options(role).items() if option.get("required")}
    assert set(defaults) == set(options(role)) - required
    for name, value in told.items():
        # what is found out at run time is told in words
        if not str(defaults[name]).startswith("{{"):
            assert value == defaults[name], name


@pytest.mark.parametrize("role", NAMES)
def test_variables_have_a_reason_and_an_example(role: str) -> None:
    for name, option in options(role).items():
        lines = option["description"]
        assert name.startswith((f"{role}_", "wolfguard_")) or name == "gateway_configuration"
        assert len(lines) >= 2
        assert lines[-1].startswith("Example: ")


def test_what_never_counts_as_a_change_has_its_reason_beside_it() -> None:
    silent = []
    for file in sorted(ROLES.glob("*/*/*.yml")):
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
        silent += [
            f"{file.relative_to(TREE)}:{number}"
            for number, line in enumerate(lines, 1)
            if re.match("changed_when:", line) and not lines[number - 2].startswith("#")
        ]
    assert silent == []


def test_private_variables_and_one_switch() -> None:
    """What a role registers or keeps in vars is its own; no task decides by itself whether it is silent."""
    for file in sorted(ROLES.glob("*/tasks/*.yml")):
        for task in tasks(read(file)):
            assert task.get("register", "__").startswith("__"), file
            assert task.get("no_log", "wolfguard_no_log").count("wolfguard_no_log") == 1, file
    for file in sorted(ROLES.glob("*/vars/main.yml")):
        role = file.parents[1].name
        assert all(name.startswith(f"__{role}_") or role == "system" for name in read(file)), file


def test_the_source_that_is_packed_is_there() -> None:
    parts = read(ROLES / "gateway" / "vars" / "main.yml")["__gateway_parts"].split()
    assert [part for part in parts if not (TREE / part).exists()] == []
    bootstrap = (TREE / "bootstrap").read_text("utf-8")
    inputs = bootstrap.split("version_inputs() {")[1].split('list_files "$TREE" ')[1].split("\n")[0].split()
    needed = [*inputs, "selinux"]
    assert len(needed) > 8
    assert "wolfguard" in needed
    assert [each for each in needed if not any(f"{each}/".startswith(f"{part}/") for part in parts)] == []
