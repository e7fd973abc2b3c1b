# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit as it is committed: its exposure, its bounds against the manifest, a reason for every directive."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).resolve().parents[2]
UNIT = TREE / "systemd" / "wolfguard-gateway.service"
EXPOSURE_MOST = 3.0


def test_the_exposure_is_within_its_limit() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for wolfguard-gateway\.service: (\d+\.\d)", result.stdout)
    assert found is not None, result.stderr
    assert float(found[1]) <= EXPOSURE_MOST


def test_capabilities_are_the_supervisors() -> None:
    manifest = yaml.safe_load((TREE / "seccomp" / "processes.yml").read_text("utf-8"))
    assert set(words("CapabilityBoundingSet")) == set(manifest["processes"]["supervisor"]["capabilities"])


def test_every_call_of_a_profile_passes_the_unit() -> None:
    allowed = set(words("SystemCallFilter"))
    for path in (TREE / "seccomp" / "profiles").iterdir():
        profile: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        assert set(profile.get("allow") or ()) <= allowed, path.name
        for calls in (profile.get("soft") or {}).values():
            assert set(calls) <= allowed, path.name


def test_what_no_process_may_ever_do_does_not_pass_the_unit() -> None:
    forbidden = ("ptrace", "mount", "bpf", "init_module", "reboot", "io_uring_setup", "userfaultfd", "setns", "unshare",
                 "perf_event_open", "keyctl", "process_vm_writev", "pivot_root", "chroot", "mknodat")  # fmt: skip
    assert set(forbidden) & set(words("SystemCallFilter")) == set()


def test_the_unit_needs_no_newer_systemd_than_debian_12_has() -> None:
    """It would warn of keys that it does not know, and ignore them."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False
    )
    assert [line for line in result.stderr.splitlines() if "Unknown key" in line or "system call" in line] == []


def test_every_directive_has_its_reason() -> None:
    """A comment stands above it, or above the two or three that belong together."""
    lines = UNIT.read_text("utf-8").splitlines()
    without, since = [], 0
    for before, line in itertools.pairwise(lines):
        if line.startswith(("#", "[")) or not line:
            since = 0
        elif line.partition("=")[0] != before.partition("=")[0]:
            since += 1
            if not before.startswith("#") and (since == 1 or since > 3):
                without.append(line)
    assert without == ["WantedBy=multi-user.target"]


def words(directive: str) -> list[str]:
    values = [line.partition("=")[2] for line in UNIT.read_text("utf-8").splitlines() if line.startswith(directive)]
    assert values, directive
    return " ".join(values).split()
