# SPDX-License-Identifier: GPL-3.0-or-later
"""Two workers against one, with two clients from two source addresses, over DTLS.

Where clients and gateway share the cores, throughput cannot double. What two free cores would carry is told by the
workers' own CPU time: bytes over the CPU seconds of the busier worker, for two workers and for one. Work that goes to
one worker alone, and cores that wait for each other, make it smaller than 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.figure import Figure, cpu_seconds, machine
from tests.bench.stage import Stage
from tests.interop.status import session
from tests.interop.status import workers as processes_of
from wolfguard.cli.demo.traffic import PORT, Transfer, iperf_server, transfer
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace, Topology, join

SECONDS = 4
DEVICE, NETWORK = "second", "203.0.114"
GATEWAY = f"{NETWORK}.1"
NAME = "vpn.example.test"
# addresses of the second client; one of them is hashed to the other worker, but for one chance in 250
ADDRESSES = [f"{NETWORK}.{host}" for host in range(2, 10)]


@dataclass(frozen=True, slots=True)
class Load:
    """Of both directions: bytes moved, CPU seconds of the busier worker, Gbit/s of both clients."""

    bytes: int
    busiest: float
    gigabits: float


@contextmanager
def second_client(topology: Topology) -> Iterator[Namespace]:
    """A namespace beside the first client's, with a network of its own to the gateway."""
    made = Namespace(f"{topology.client.name}2")
    made.delete()
    made.add()
    try:
        join(made, "eth0", topology.gateway, DEVICE)
        topology.gateway.address(DEVICE, f"{GATEWAY}/24")
        made.address("eth0", *(f"{address}/24" for address in ADDRESSES))
        made.route("default", GATEWAY)
        yield made
    finally:
        made.delete()


def from_address(namespace: Namespace, address: str) -> None:
    """All that it sends to the gateway comes from this address of its own."""
    namespace.run("ip", "route", "replace", GATEWAY, "dev", "eth0", "src", address)


def measure(ground: Stage) -> list[Figure]:
    loads = {}
    with second_client(ground.topology) as second:
        for count in (1, 2):
            loads[count] = load(ground, second, count)
    told = (
        f"{machine()}; openconnect of sid over DTLS twice, one TCP stream each, {SECONDS} s each way; clients, gateway "
        "and iperf3 share the cores, so the ratio is of bytes a CPU second of the busier worker, as two free cores "
        "would show it"
    )
    reach = {count: each.bytes / each.busiest for count, each in loads.items()}
    return [
        Figure("workers_2_vs_1", reach[2] / reach[1], "ratio", ">= 1.7", told),
        Figure(
            "workers_2_vs_1_rate", loads[2].gigabits / loads[1].gigabits, "ratio", "", f"{told}; this one of Gbit/s"
        ),
    ]


def load(ground: Stage, second: Namespace, workers: int) -> Load:
    clients = (ground.topology.client, second)
    options = (f"--resolve={NAME}:{GATEWAY}",)
    with ground.wolfguard(workers) as server, ground.client(server, dtls=True) as first_inside:
        for address in ADDRESSES:
            from_address(second, address)
            with ground.client(server, dtls=True, namespace=second, options=options, host=NAME) as second_inside:
                slots = {session(ground.site, inside)["slot"] for inside in (first_inside, second_inside)}
                if len(slots) < workers:
                    continue
                pids = tuple(processes_of(ground.site).values())
                before = {pid: cpu_seconds([pid]) for pid in pids}
                moved = both_ways(ground, clients)
                used = [cpu_seconds([pid]) - before[pid] for pid in pids]
                return Load(sum(each.bytes for each in moved), max(used), sum(each.gigabits for each in moved) / 2)
    raise WolfguardError(f"no address of {NETWORK}.0/24 led to the other worker")


def both_ways(ground: Stage, clients: tuple[Namespace, Namespace]) -> list[Transfer]:
    """Up, then down, with both clients at once."""
    ports = (PORT, PORT + 1)
    moved: list[Transfer] = []
    with (
        ThreadPoolExecutor(len(clients)) as pool,
        iperf_server(ground.topology.upstream, ports[0]),
        iperf_server(ground.topology.upstream, ports[1]),
    ):
        for down in (False, True):
            running = [
                pool.submit(transfer, client, Topology.UPSTREAM_V4, seconds=SECONDS, down=down, port=port)
                for client, port in zip(clients, ports, strict=True)
            ]
            moved += [each.result() for each in running]
    return moved
