# SPDX-License-Identifier: GPL-3.0-or-later
"""What a remedy recommends is what its rule lets pass, and becomes a variable of the role."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner

from wolfguard.cli.policy import command
from wolfguard.errors import ConfigurationError
from wolfguard.policy.enforcement import ansible, recommended
from wolfguard.policy.rules import read_rule, read_rules

HIDDEN = read_rule("host/kernel-addresses-hidden")
NAME = "kernel.kptr_restrict"


def test_every_rule_of_a_kernel_parameter_gives_one() -> None:
    variables = yaml.safe_load(ansible(read_rules()))
    looked_at = {
        dict(rule.observe.look.arguments)["name"]
        for rule in read_rules()
        if rule.observe.look.probe == "kernel-parameter"
    }
    assert set(variables["__base_kernel_parameters"]) == looked_at
    assert variables["__base_kernel_parameters"]["kernel.core_pattern"] == "|/bin/false"
    assert variables["__base_boot_words"] == {"audit": 1, "audit_backlog_limit": 8192}
    assert variables["__base_audit_settings"]["write_logs"] == "yes"
    assert variables["__base_ssh_settings"]["PermitRootLogin"] == "no"
    assert "usb_storage" in variables["__base_blocked_modules"]
    assert "-w /etc/wolfguard-gateway -p wa -k wolfguard" in variables["__base_audit_rules"]


def test_the_order_of_rules_does_not_matter() -> None:
    assert ansible(reversed(read_rules())) == ansible(read_rules())


def test_the_value_is_the_remedys() -> None:
    assert recommended(HIDDEN, NAME) == 1
    assert recommended(replace(HIDDEN, remedy=f"Write {NAME} = 2 into a file."), NAME) == 2


@pytest.mark.parametrize(
    ("remedy", "complaint"),
    [
        (f"Write {NAME} = 7 into a file.", "would not let it pass"),
        (f"Set {NAME} to something good.", "names no value"),
        ("Write net.kernel.kptr_restrict = 1 into a file.", "names no value"),
    ],
)
def test_a_remedy_that_helps_nobody(remedy: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        recommended(replace(HIDDEN, remedy=remedy), NAME)


@pytest.mark.parametrize(
    ("remedy", "complaint"),
    [
        ("PermitRootLogin yes in /etc/ssh/sshd_config.", "would not let it pass"),
        ("StrictModes no in /etc/ssh/sshd_config.", "does not begin with"),
    ],
)
def test_a_remedy_for_the_ssh_server_that_helps_nobody(remedy: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        ansible([replace(read_rule("auth/ssh-no-root"), remedy=remedy)])


@pytest.mark.parametrize(
    ("rule", "remedy", "complaint"),
    [
        (
            "records/audit-configuration",
            "-w /etc/other -p wa -k wolfguard in /etc/audit/rules.d",
            "would not let it pass",
        ),
        (
            "records/audit-modules",
            "-a always,exit -S init_module -k modules in /etc/audit/rules.d",
            "would not let it pass",
        ),
        ("records/audit-modules", "-w /sbin/insmod -p x -k modules in /etc/audit/rules.d", "is not `LINE in"),
        ("records/audit-modules", "Have the kernel record it.", "is not `LINE in"),
    ],
)
def test_a_remedy_for_the_audit_system_that_helps_nobody(rule: str, remedy: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        ansible([replace(read_rule(rule), remedy=remedy)])


@pytest.mark.parametrize(
    ("rule", "remedy", "complaint"),
    [
        ("host/audit-backlog", "Add audit_backlog_limit=64 to the kernel's command line.", "would not let it pass"),
        ("host/audit-backlog", "Add audit=1 to the kernel's command line.", "does not begin with"),
        ("host/audit-from-the-start", "Have the boot loader say audit=1.", "does not begin with"),
    ],
)
def test_a_remedy_for_the_boot_loader_that_helps_nobody(rule: str, remedy: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        ansible([replace(read_rule(rule), remedy=remedy)])


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(command, ["render", "--ansible"])
    assert (result.exit_code, result.output) == (0, ansible(read_rules()))
