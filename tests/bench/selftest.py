# SPDX-License-Identifier: GPL-3.0-or-later
"""What the self-tests cost at a start: processor time of each process, and the time until the gateway serves."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from tests.bench.figure import Figure, machine
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology

ROUNDS = 5
LIMIT_MS = 300


def run(rounds: int) -> list[Figure]:
    topology = Topology.named("wgselftest")
    topology.delete()
    topology.add()
    try:
        starts = [_start(topology) for _ in range(rounds)]
    finally:
        topology.delete()
    slowest = [max(modules.values()) for _, modules in starts]
    told = f"{rounds} starts of all processes, worst process of each start, median; {machine()}"
    return [
        Figure("selftest_ms", statistics.median(slowest), "ms CPU", f"<= {LIMIT_MS}", told),
        Figure("selftest_ms_max", max(slowest), "ms CPU", f"<= {LIMIT_MS}", told),
        Figure("startup_s", statistics.median([seconds for seconds, _ in starts]), "s", "<= 2", told),
    ]


def _start(topology: Topology) -> tuple[float, dict[str, float]]:
    """Seconds until it was ready, and milliseconds of self-tests by process."""
    with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
        site = Site(Path(folder))
        site.prepare()
        gateway = Gateway(site, topology.gateway)
        seconds = gateway.start()
        try:
            modules = json.loads(site.wolfguard("status", "--json").stdout)["modules"]
        finally:
            gateway.stop()
    return seconds, {f"{each['process']}/{each['slot']}": each["selftest_ms"] for each in modules}
