# SPDX-License-Identifier: GPL-3.0-or-later
"""Role selinux where the kernel runs none: refused where it cannot be had, else everything up to the next boot, and no
word of enforcing before that. What comes after the boot is for a machine of its own (`--vm --appliance`).

The tests are steps of one machine's life, in order.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

PLAYBOOK = Path(__file__).resolve().parents[1] / "role.yml"
CONFIGURATION = "/etc/selinux/config"
LOADER = "/etc/default/grub"
NEXT_BOOT = "SELinux is switched on for the next boot, and the gateway's module is in the store. Now the machine runs"
TOLD = "/var/lib/told"
# In place of the programs of a boot loader, which no container has.
UPDATE = "#!/bin/sh\\necho told >>/var/lib/told\\n"


def play(machine: str, *words: str) -> tuple[int, str, int]:
    """Exit code, output, and how many tasks have changed something."""
    command = ["ansible-playbook", "-i", os.environ["MOLECULE_INVENTORY_FILE"], str(PLAYBOOK), *words]
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
    result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    output = result.stdout + result.stderr
    changed = re.findall(rf"^{machine} .*\bchanged=(\d+)", output, re.MULTILINE)
    assert changed, output[-3000:]
    return result.returncode, " ".join(output.split()), int(changed[-1])


@pytest.fixture(scope="module")
def machine(folder: Path) -> str:
    return folder.name


def test_a_container_is_told_what_it_is(machine: str, host: Host) -> None:
    code, output, changed = play(machine)
    assert (code, changed) == (2, 0)
    assert "A container has its host's kernel, which runs without SELinux" in output
    assert not host.file(CONFIGURATION).exists


def test_untouched_is_untouched(machine: str, host: Host) -> None:
    code, output, changed = play(machine, "-e", "selinux_wanted=untouched", "-e", "pretend=true")
    assert (code, changed) == (0, 0), output
    assert not host.file(CONFIGURATION).exists


def test_without_a_boot_loader_that_is_known_nothing_is_touched(machine: str, host: Host) -> None:
    code, output, _ = play(machine, "-e", "pretend=true")
    assert code == 2
    assert "there is no GRUB that could be told. Give the kernel `security=selinux selinux=1`" in output
    assert not host.file(CONFIGURATION).exists
    assert not host.package("selinux-basics").is_installed


def test_check_mode_foresees_it(machine: str, host: Host) -> None:
    host.check_output(f"mkdir -p /etc/default && printf 'GRUB_CMDLINE_LINUX=\"quiet\"\\n' >{LOADER}")
    host.check_output(f"printf '{UPDATE}' >/usr/sbin/update-grub && chmod 755 /usr/sbin/update-grub")
    code, output, _ = play(machine, "-e", "pretend=true", "--check")
    assert code == 0, output[-3000:]
    assert not host.file(CONFIGURATION).exists
    assert not host.file("/.autorelabel").exists


def test_it_is_switched_on_for_the_next_boot_and_said_so(machine: str, host: Host) -> None:
    code, output, _ = play(machine, "-e", "pretend=true")
    assert code == 2
    assert NEXT_BOOT in output, output[-3000:]
    assert "SELinux enforces" not in output
    assert host.file(LOADER).content_string == 'GRUB_CMDLINE_LINUX="quiet security=selinux"\n'
    assert host.file(TOLD).content_string == "told\n"
    assert host.file("/.autorelabel").exists
    settings = host.file(CONFIGURATION).content_string.splitlines()
    assert "SELINUX=permissive" in settings
    assert "SELINUX=enforcing" not in settings


def test_the_module_is_in_the_store_of_the_policy_that_will_be_loaded(host: Host) -> None:
    (kind,) = re.findall(r"^SELINUXTYPE=(\w+)", host.file(CONFIGURATION).content_string, re.MULTILINE)
    modules = host.check_output(f"semodule --store {kind} --list-modules=full").splitlines()
    assert any("wolfguard_gateway" in line.split() for line in modules)
    policy = host.check_output(f"ls /etc/selinux/{kind}/policy/").split()
    assert policy
    assert "wolfguard_gateway_" in host.file(f"/etc/selinux/{kind}/contexts/files/file_contexts").content_string


def test_until_the_boot_it_says_the_same_and_changes_nothing(machine: str, host: Host) -> None:
    before = host.check_output(f"stat -c %Y {CONFIGURATION} {LOADER} /.autorelabel")
    code, output, changed = play(machine, "-e", "pretend=true")
    assert (code, changed) == (2, 0)
    assert NEXT_BOOT in output
    assert host.check_output(f"stat -c %Y {CONFIGURATION} {LOADER} /.autorelabel") == before


def test_a_relabel_that_somebody_else_has_asked_for_does_not_hide_a_loader_that_knows_nothing(
    machine: str, host: Host
) -> None:
    host.check_output(f"printf 'GRUB_CMDLINE_LINUX=\"quiet\"\\n' >{LOADER}")
    code, output, _ = play(machine, "-e", "pretend=true")
    assert code == 2
    assert NEXT_BOOT in output
    assert host.file(LOADER).content_string == 'GRUB_CMDLINE_LINUX="quiet security=selinux"\n'


def test_nothing_claims_that_selinux_enforces(host: Host) -> None:
    assert not host.file("/sys/fs/selinux/enforce").exists
    assert host.check_output("grep -c '^SELINUX=permissive$' %s", CONFIGURATION) == "1"
