# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit has failed before the playbook, it lets pass after it: rule by rule, for each weakening."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

LIST = Path(__file__).parents[1] / "vars" / "weakenings.yml"
WEAKENINGS: list[dict[str, Any]] = yaml.safe_load(LIST.read_text("utf-8"))["weakenings"]


def states(file: Path) -> dict[str, str]:
    findings: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["findings"]
    return {finding["rule"]: finding["state"] for finding in findings}


@pytest.mark.parametrize("weakening", WEAKENINGS, ids=lambda each: each["name"])
def test_the_audit_has_failed_it_and_the_playbook_has_mended_it(folder: Path, weakening: dict[str, Any]) -> None:
    before, after = states(folder / "before" / "result.json"), states(folder / "last" / "result.json")
    rules = weakening["rules"]
    assert {rule: before[rule] for rule in rules} == dict.fromkeys(rules, "fail")
    assert {rule: after[rule] for rule in rules} == dict.fromkeys(rules, "pass")


def test_nothing_that_was_good_has_become_bad(folder: Path) -> None:
    before, after = states(folder / "before" / "result.json"), states(folder / "last" / "result.json")
    assert [rule for rule, state in before.items() if state == "pass" and after[rule] in ("fail", "error")] == []


def test_what_was_running_is_not_any_more(host: Host) -> None:
    assert host.check_output("systemctl show -p ActiveState --value debug-shell.service") == "inactive"
    assert host.check_output("sysctl -n net.ipv4.conf.all.accept_redirects") == "0"
    assert "permitrootlogin no" in host.check_output("sshd -T").splitlines()


def test_a_file_of_somebody_elses_is_still_there(host: Host) -> None:
    """The playbook closes it; what it is good for it cannot know."""
    file = host.file("/etc/wolfguard-gateway/notes.yml")
    assert (file.exists, file.user) == (True, "root")
