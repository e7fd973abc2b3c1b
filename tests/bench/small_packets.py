# SPDX-License-Identifier: GPL-3.0-or-later
"""How many 64-byte packets a second get through a tunnel over DTLS, more being offered than anything here can carry.

Arrivals are counted by the kernel at a socket that nobody reads and whose queue is full at once: it costs no process's
time, and the client's own socket for the tunnel is not counted with it.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from tests.bench.figure import Figure, cpu_seconds, machine
from tests.bench.stage import Server, Stage
from tests.interop.raw import inside
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace, Topology

SIZE, PORT = 64, 5300
RATE, SECONDS = 400_000, 2.0


def refused(namespace: Namespace) -> int:
    """Datagrams that the sink's full queue has refused."""
    for line in namespace.run("cat", "/proc/net/udp").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == PORT:
            return int(fields[-1])
    raise WolfguardError(f"no socket at port {PORT} of {namespace.name}")


def flood(sender: Namespace, receiver: Namespace, address: str) -> tuple[float, int]:
    """Datagrams that arrived in a second, and their number."""
    with inside(receiver):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sink:
        # the kernel's least: what waits there uncounted is a handful
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sink.bind(("", PORT))
        program = str(Path(__file__).with_name("blast.py"))
        report = json.loads(sender.run(
            sys.executable, program, address, "--port", str(PORT), "--size", str(SIZE), "--rate", str(RATE),
            "--seconds", str(SECONDS),
        ))  # fmt: skip
        count = refused(receiver)
    return count / report["seconds"], count


def measure(ground: Stage, server: Server) -> list[Figure]:
    client, upstream = ground.topology.client, ground.topology.upstream
    told = (
        f"{machine()}; {SIZE}-byte UDP packets over DTLS for {SECONDS:.0f} s, {RATE} a second offered, counted where "
        "they arrive; the client shares the cores"
    )
    figures = []
    with ground.client(server, dtls=True) as address:
        ways = {"up": (client, upstream, Topology.UPSTREAM_V4), "down": (upstream, client, address)}
        for direction, (sender, receiver, to) in ways.items():
            before = cpu_seconds(server.pids())
            rate, count = flood(sender, receiver, to)
            used = cpu_seconds(server.pids()) - before
            stem = f"{server.name}_{direction}"
            figures.append(Figure(f"{stem}_packets_per_second_64", rate, "packets/s", "", told))
            figures.append(Figure(f"{stem}_cpu_64", used / max(count, 1) * 1e6, "CPU-us/packet", "", told))
    return figures
