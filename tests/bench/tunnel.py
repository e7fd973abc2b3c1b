# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tunnel costs beside the newest ocserv, over DTLS and TLS: CPU per byte, added delay, small packets, workers.

Up means that the server decrypts. CPU is of all processes of the gateway (or of ocserv), user and system. Servers take
turns in one topology with one client build, so that what else the machine does meets both.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench import round_trip, small_packets, workers
from tests.bench.figure import Figure, cpu_seconds, machine
from tests.bench.ocserv import Ocserv
from tests.bench.stage import OCSERV, WOLFGUARD, Server, Stage, channel, stage
from tests.interop.status import (
    DATAGRAMS_IN,
    DATAGRAMS_OUT,
    OUTSIDE_READS,
    OUTSIDE_WRITES,
    PACKETS_IN,
    PACKETS_OUT,
    TUN_READS,
    TUN_WRITES,
)
from wolfguard.cli.demo.traffic import iperf_server, transfer
from wolfguard.linux.namespace import Topology

SECONDS = 4
GOAL = "<= 0.5"
DIRECTIONS = ("up", "down")
# what was moved, and the calls that moved it
CALLS = {
    "up": {"outside": (DATAGRAMS_IN, OUTSIDE_READS), "tun": (PACKETS_IN, TUN_WRITES)},
    "down": {"outside": (DATAGRAMS_OUT, OUTSIDE_WRITES), "tun": (PACKETS_OUT, TUN_READS)},
}


@dataclass
class Samples:
    """One list for each server, channel and direction; a value a round."""

    costs: dict[str, list[float]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    calls: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: dict[str, list[float]], name: str, value: float) -> None:
        kind.setdefault(name, []).append(value)


def run(rounds: int) -> list[Figure]:
    with stage() as ground:
        plain = round_trip.plain(ground.topology)
        samples = Samples()
        with iperf_server(ground.topology.upstream):
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", flush=True)
                for name in (WOLFGUARD, OCSERV):
                    with ground.server(name) as server:
                        sample(ground, server, samples)
        figures = [*compared(ground, samples, rounds), *batches(ground, samples, rounds)]
        print("round trips and small packets", flush=True)
        for name in (WOLFGUARD, OCSERV):
            with ground.server(name) as server:
                figures += round_trip.measure(ground, server, plain)
                figures += small_packets.measure(ground, server)
        print("one worker and two", flush=True)
        return [*figures, *workers.measure(ground)]


def sample(ground: Stage, server: Server, samples: Samples) -> None:
    """One client a channel, one transfer each way."""
    for dtls in (True, False):
        with ground.client(server, dtls=dtls):
            for direction in DIRECTIONS:
                name = f"{server.name} {channel(dtls=dtls)} {direction}"
                counted, before = server.counters(), cpu_seconds(server.pids())
                moved = transfer(
                    ground.topology.client, Topology.UPSTREAM_V4, seconds=SECONDS, down=direction == "down"
                )
                used = cpu_seconds(server.pids()) - before
                samples.add(samples.costs, name, used / (moved.bytes / 1e9))
                samples.add(samples.rates, name, moved.gigabits)
                if dtls and server.name == WOLFGUARD:
                    for side, value in per_call(counted, server.counters(), direction).items():
                        samples.add(samples.calls, f"{side} {direction}", value)


def per_call(before: dict[str, int], after: dict[str, int], direction: str) -> dict[str, float]:
    """Packets moved by one system call, on either side of the gateway."""
    found = {}
    for side, (packets, calls) in CALLS[direction].items():
        moved, made = (after.get(name, 0) - before.get(name, 0) for name in (packets, calls))
        found[side] = moved / made if made else 0.0
    return found


def conditions(ground: Stage, rounds: int) -> str:
    mtus = ", ".join(f"{name} {mtu}" for name, mtu in sorted(ground.mtus.items()))
    return (
        f"{machine()}; {Ocserv(ground.topology.gateway).version()}; openconnect of sid (GnuTLS), profile compat, TLS "
        f"1.3, DTLS 1.2 PSK AES-256-GCM, inner MTU {mtus}, one TCP stream, {SECONDS} s a run, {rounds} interleaved "
        "rounds, median"
    )


def compared(ground: Stage, samples: Samples, rounds: int) -> list[Figure]:
    """Costs against ocserv's, and both servers' costs and rates."""
    told = conditions(ground, rounds)
    figures = []
    for dtls in (True, False):
        for direction in DIRECTIONS:
            way = f"{channel(dtls=dtls)} {direction}"
            pairs = zip(samples.costs[f"{WOLFGUARD} {way}"], samples.costs[f"{OCSERV} {way}"], strict=True)
            figures += spread(
                f"{channel(dtls=dtls)}_cpu_vs_ocserv_{direction}", [ours / theirs for ours, theirs in pairs], GOAL, told
            )
            for name in (WOLFGUARD, OCSERV):
                stem = f"{name} {way}".replace(" ", "_")
                cost, rate = (statistics.median(kind[f"{name} {way}"]) for kind in (samples.costs, samples.rates))
                figures.append(Figure(f"{stem}_cpu", cost, "CPU-s/GB", "", told))
                figures.append(Figure(f"{stem}_rate", rate, "Gbit/s", "", told))
    return figures


def spread(name: str, values: Sequence[float], goal: str, told: str) -> list[Figure]:
    return [
        Figure(name, statistics.median(values), "ratio", goal, told),
        Figure(f"{name}_min", min(values), "ratio", "", told),
        Figure(f"{name}_max", max(values), "ratio", "", told),
    ]


def batches(ground: Stage, samples: Samples, rounds: int) -> list[Figure]:
    """Datagrams a system call outside, which has a goal, and packets a system call on the TUN."""
    told = f"{conditions(ground, rounds)}; over DTLS, acknowledgements of the other direction not counted"
    figures = []
    for direction in DIRECTIONS:
        outside, tun = (statistics.median(samples.calls[f"{side} {direction}"]) for side in ("outside", "tun"))
        figures.append(Figure(f"packets_per_syscall_{direction}", outside, "packets", ">= 8", told))
        figures.append(Figure(f"tun_packets_per_syscall_{direction}", tun, "packets", "", told))
    return figures
