# SPDX-License-Identifier: GPL-3.0-or-later
"""How long ansible/site.yml takes on a fresh machine, and on one that it has made: seconds, and what changed.

The packages, wheels and wolfSSL's source lie on the machine; the library and the package are compiled.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.appliance import machine, store
from tests.bench.figure import Figure
from tests.bench.figure import machine as hardware

ROUNDS = 1
NAME = "appliance-bench"
RELEASE = "trixie"
ANSIBLE = store.TREE / "ansible"
SCENARIOS = ANSIBLE / "extensions" / "molecule"
PLAYBOOK = Path(sys.prefix) / "molecule" / "bin" / "ansible-playbook"
# the report is made all the same; what it says of a container is the scenarios' business
VARIABLES = '{"verify_fail_on": "never", "verify_waivers": ""}'


def run(rounds: int) -> list[Figure]:
    """The slowest round counts."""
    found = [_round() for _ in range(rounds)]
    fresh, second = (max(seconds) for seconds in zip(*((one, other) for one, other, _ in found), strict=True))
    told = f"{rounds} rounds, {store.SYSTEMS[RELEASE]} in systemd-nspawn, warm package caches, no network; {hardware()}"
    return [
        Figure("fresh_s", fresh, "s", "<= 360", told),
        Figure("second_s", second, "s", "<= 60", told),
        Figure("second_changed", max(changed for *_, changed in found), "tasks", "<= 0", told),
    ]


def _round() -> tuple[float, float, int]:
    machine.down(NAME)
    machine.up(NAME, RELEASE)
    try:
        with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
            inventory = Path(folder)
            (inventory / "hosts").write_text(f"[gateways]\n{NAME}\n")
            (inventory / "group_vars").symlink_to(SCENARIOS / "shared" / "group_vars")
            fresh, _ = _playbook(inventory)
            second, changed = _playbook(inventory)
            return fresh, second, changed
    finally:
        machine.down(NAME)


def _playbook(inventory: Path) -> tuple[float, int]:
    """Seconds, and how many tasks have changed something. Raises RuntimeError."""
    environment = {
        **os.environ,
        "ANSIBLE_CONNECTION_PLUGINS": str(SCENARIOS / "plugins" / "connection"),
        "ANSIBLE_NOCOLOR": "1",
    }
    words = [str(PLAYBOOK), "-i", str(inventory / "hosts"), "-e", VARIABLES, "site.yml"]
    begun = time.monotonic()
    result = subprocess.run(words, cwd=ANSIBLE, env=environment, check=False, capture_output=True, text=True)
    seconds = time.monotonic() - begun
    recap = re.search(rf"^{NAME} .* changed=(\d+) ", result.stdout, re.MULTILINE)
    if result.returncode != 0 or recap is None:
        raise RuntimeError(f"the playbook failed:\n{result.stdout[-3000:]}{result.stderr[-1000:]}")
    return seconds, int(recap[1])
