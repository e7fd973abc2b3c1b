# SPDX-License-Identifier: GPL-3.0-or-later
"""Capability sets of a process of their own, as the kernel shows them before and after."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

KEEP = """
import json, subprocess, sys
from wolfguard.linux import capabilities

before = capabilities.read()
try:
    capabilities.keep(json.loads(sys.argv[1]))
except OSError as error:
    print(error.strerror)
    sys.exit(1)
child = subprocess.run(["grep", "CapPrm", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
print(json.dumps([before, capabilities.read(), child.split()[1]]))
"""
CHOWN, SETPCAP, NET_ADMIN = 0, 8, 12
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def kept(capabilities: Sequence[int], *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-I", "-c", KEEP, json.dumps(capabilities)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_kept_and_what_is_gone() -> None:
    result = kept([CHOWN, SETPCAP, NET_ADMIN])
    assert result.returncode == 0, result.stderr
    before, after, child = json.loads(result.stdout)
    mask = 1 << CHOWN | 1 << SETPCAP | 1 << NET_ADMIN
    assert before["CapPrm"] & mask == mask
    assert before["CapPrm"] != mask
    assert [after[name] for name in SETS] == [0, mask, mask, mask, 0]
    assert after["NoNewPrivs"] == 1
    # what root executes gets no more than the bounding set has
    assert int(child, 16) == mask


def test_inheritable_and_ambient_ones_go_too() -> None:
    result = kept([SETPCAP], "setpriv", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", "--")
    assert result.returncode == 0, result.stderr
    before, after, _ = json.loads(result.stdout)
    assert (before["CapInh"], before["CapAmb"]) == (1 << NET_ADMIN, 1 << NET_ADMIN)
    assert (after["CapInh"], after["CapAmb"]) == (0, 0)


def test_nothing_is_kept_that_is_not_held() -> None:
    # a container may have begun with inheritable ones, which root's programs get past the bounding set
    result = kept([SETPCAP, NET_ADMIN], "setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", "--")
    assert (result.returncode, result.stdout) == (1, "Operation not permitted\n")
