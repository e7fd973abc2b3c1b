# SPDX-License-Identifier: GPL-3.0-or-later
"""What an idle tunnel adds to a round trip: the median through it less the median of the same path without it."""

from __future__ import annotations

import re
import statistics

from tests.bench.figure import Figure, machine
from tests.bench.stage import Server, Stage, channel
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace, Topology

COUNT, INTERVAL = 200, 0.01


def median(namespace: Namespace, address: str) -> float:
    """Milliseconds."""
    printed = namespace.run("ping", "-n", "-i", str(INTERVAL), "-c", str(COUNT), "-W", "1", address)
    times = [float(found) for found in re.findall(r" time=([\d.]+) ms", printed)]
    if len(times) < COUNT * 0.9:
        raise WolfguardError(f"{len(times)} of {COUNT} pings to {address} came back")
    return statistics.median(times)


def plain(topology: Topology) -> float:
    """The path without a tunnel; before a gateway's firewall forbids it."""
    topology.upstream.route("203.0.113.0/24", "198.51.100.1")
    return median(topology.client, Topology.UPSTREAM_V4)


def measure(ground: Stage, server: Server, base: float) -> list[Figure]:
    told = f"{machine()}; median of {COUNT} pings through the idle tunnel less {base:.3f} ms over plain veth"
    figures = []
    for dtls in (True, False):
        with ground.client(server, dtls=dtls):
            added = median(ground.topology.client, Topology.UPSTREAM_V4) - base
        figures.append(Figure(f"{server.name}_{channel(dtls=dtls)}_rtt_added_ms", added, "ms", "", told))
    return figures
