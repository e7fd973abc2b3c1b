# SPDX-License-Identifier: GPL-3.0-or-later
"""What audits of twenty machines at the same time take beside one alone and beside the slowest of them: twenty real ssh
servers, which are all this one machine, so that every look of all of them shares its cores."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure, machine
from tests.system import ssh_ground
from wolfguard.linux.namespace import Namespace, Topology
from wolfguard.policy.controls import DEFAULT_PROFILE, read_audit_profile

HOSTS = 20
FIRST_PORT = 2200
MOST_OVER_SLOWEST = 1.3


def measured(control: Path, topology: Topology, rounds: int) -> list[Figure]:
    """Beside a gateway that runs in the topology: each machine is it, looked at by all rules, with its own sweep."""
    rules = len(read_audit_profile(DEFAULT_PROFILE).rules)
    with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder, _servers(topology.gateway, folder) as names:
        one = [_run(control, topology, folder, names[:1]) for _ in range(rounds)]
        all_of_them = [_run(control, topology, folder, names) for _ in range(rounds)]
    told = f"{rules} rules over ssh, median of {rounds}; {HOSTS} ssh servers and the audit itself are one machine; "
    told += machine()
    alone = statistics.median(seconds for seconds, _ in one)
    walls = [seconds for seconds, _ in all_of_them]
    slowest = [max(each["milliseconds"] for each in found["hosts"]) / 1000 for _, found in all_of_them]
    over = statistics.median(wall / slow for wall, slow in zip(walls, slowest, strict=True))
    return [
        Figure("audit_ssh_s", alone, "s", "", told),
        Figure("audit_20_hosts_s", statistics.median(walls), "s", "", told),
        Figure("audit_20_slowest_s", statistics.median(slowest), "s", "", told),
        Figure("audit_20_over_slowest", over, "", f"<= {MOST_OVER_SLOWEST}", told),
        Figure("audit_20_of_20_alone", statistics.median(walls) / (HOSTS * alone), "", "<= 1", told),
    ]


@contextmanager
def _servers(namespace: Namespace, folder: str) -> Iterator[list[str]]:
    with ExitStack() as stack:
        config = ""
        for number in range(HOSTS):
            place = Path(folder) / f"gw{number}"
            server = ssh_ground.server(f"gw{number}", namespace, Topology.GATEWAY_V4, FIRST_PORT + number, place)
            config += stack.enter_context(server).config.read_text()
        (Path(folder) / "config").write_text(config)
        yield [f"gw{number}" for number in range(HOSTS)]


def _run(control: Path, topology: Topology, folder: str, names: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Wall seconds and the joint document. A list of one is an audit of several all the same."""
    listed = Path(folder) / "hosts.yml"
    listed.write_text("hosts:\n" + "".join(f"  - host: ssh://{name}\n" for name in names))
    command = [sys.executable, "-I", "-m", "wolfguard.cli", "--socket", str(control), "audit", "run", "--json"]
    command += ["--fail-on", "never", "--hosts", str(listed), "--ssh-config", f"{folder}/config"]
    command += ["--prefix", sys.prefix, "--parallel", str(HOSTS)]
    begun = time.monotonic()
    result = subprocess.run(topology.client.inside(command), check=False, capture_output=True, text=True)
    seconds = time.monotonic() - begun
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    found: dict[str, Any] = json.loads(result.stdout)
    lost = [each["lost"] for each in found["hosts"] if each["lost"]]
    if lost:
        raise RuntimeError(lost[0])
    return seconds, found
