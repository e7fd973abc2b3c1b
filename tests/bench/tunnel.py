# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU per byte of a tunnel over TLS, beside the newest ocserv: interleaved rounds in one topology, one client build.

Up means that the server decrypts. CPU is of all processes of the gateway (or of ocserv), user and system.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figure import Figure, cpu_seconds, descendants, machine
from tests.bench.ocserv import SERVER, Ocserv
from tests.interop import roots
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.cli.demo.traffic import iperf_server, transfer
from wolfguard.linux.namespace import Topology

SECONDS = 4
USER, PASSWORD = "bench", "correct horse battery staple"


def run(rounds: int) -> list[Figure]:
    topology = Topology.named(f"wgb{os.getpid() % 1000}")
    with tempfile.TemporaryDirectory() as folder:
        topology.delete()
        topology.add()
        try:
            return measure(topology, Path(folder), rounds)
        finally:
            topology.delete()


def measure(topology: Topology, folder: Path, rounds: int) -> list[Figure]:
    site = Site(folder)
    site.prepare()
    results: dict[str, list[tuple[float, float]]] = {}
    peer = Ocserv(topology.gateway)
    with iperf_server(topology.upstream):
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            with wolfguard(topology, site) as pids:
                sample(topology, site, "wolfguard", pids, results)
            with ocserv(peer, site) as pids:
                sample(topology, site, "ocserv", pids, results)
    conditions = (
        f"{machine()}; {peer.version()}; openconnect of sid (GnuTLS), TLS 1.3, inner MTU 1400, one TCP stream, "
        f"{SECONDS} s a run, {rounds} interleaved rounds, median"
    )
    figures = []
    for direction in ("up", "down"):
        ours, theirs = ([cost for cost, _ in results[f"{name} {direction}"]] for name in ("wolfguard", "ocserv"))
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        versus = f"tls_cpu_vs_ocserv_{direction}"
        figures.append(Figure(versus, statistics.median(ratios), "ratio", "<= 0.6", conditions))
        figures.append(Figure(f"{versus}_min", min(ratios), "ratio", "", conditions))
        figures.append(Figure(f"{versus}_max", max(ratios), "ratio", "", conditions))
        for name in ("wolfguard", "ocserv"):
            costs, speeds = zip(*results[f"{name} {direction}"], strict=True)
            figures.append(Figure(f"{name}_{direction}_cpu", statistics.median(costs), "CPU-s/GB", "", conditions))
            figures.append(Figure(f"{name}_{direction}_rate", statistics.median(speeds), "Gbit/s", "", conditions))
    return figures


@contextmanager
def wolfguard(topology: Topology, site: Site) -> Iterator[Callable[[], list[int]]]:
    gateway = Gateway(site, topology.gateway)
    gateway.start()
    try:
        site.wolfguard("user", "add", USER, "--password-stdin", stdin=PASSWORD + "\n")
        process = gateway.process
        assert process is not None
        yield lambda: descendants(process.pid)
    finally:
        gateway.stop()


@contextmanager
def ocserv(peer: Ocserv, site: Site) -> Iterator[Callable[[], list[int]]]:
    peer.start(site.folder / "pki", USER, PASSWORD)
    try:
        process = peer.process
        assert process is not None
        yield lambda: descendants(process.pid)
    finally:
        peer.stop()


def sample(
    topology: Topology,
    site: Site,
    name: str,
    pids: Callable[[], list[int]],
    results: dict[str, list[tuple[float, float]]],
) -> None:
    """One connected client, one transfer each way: (CPU-s/GB, Gbit/s) appended to `results`."""
    root = roots.make(roots.SID)
    (root / "tmp" / "bench-ca.pem").write_bytes(site.authority.read_bytes())
    client = Client(
        topology.client, SERVER, Path("/tmp/bench-ca.pem"), USER, (PASSWORD,),
        program=roots.SID.openconnect, runner=lambda command: [*roots.enter(root), *command],
    )  # fmt: skip
    client.connect()
    try:
        for direction in ("up", "down"):
            before = cpu_seconds(pids())
            moved = transfer(topology.client, Topology.UPSTREAM_V4, SECONDS, down=direction == "down")
            used = cpu_seconds(pids()) - before
            results.setdefault(f"{name} {direction}", []).append((used / (moved.bytes / 1e9), moved.gigabits))
    finally:
        client.stop()
