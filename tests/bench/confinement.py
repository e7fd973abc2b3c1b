# SPDX-License-Identifier: GPL-3.0-or-later
"""What confinement costs: CPU per byte and per login with every filter and Landlock enforcing against without, start.

Both run the same code in turns, so that what else the machine does meets both; the order changes with each pair. CPU is
of all processes of the gateway, user and system. A ratio of 0.97 means that the confined gateway does 97 % of the work
of the other for the same CPU.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tests.bench import crowd, unconfined
from tests.bench.figure import Figure, cpu_seconds, machine
from tests.bench.stage import Server, Stage, channel, stage
from tests.interop.status import workers
from wolfguard.cli.demo.traffic import iperf_server, transfer
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Topology

ROUNDS = 10
SECONDS = 3
LOGINS = 100
GOAL = ">= 0.97"
WAYS = tuple((dtls, down) for dtls in (True, False) for down in (False, True))


@dataclass(frozen=True, slots=True)
class Sample:
    """One life of a gateway. `costs`: CPU-s per GB by way; `login`: CPU-s; `started`: seconds."""

    costs: dict[str, float]
    login: float
    started: float


def run(rounds: int) -> list[Figure]:
    pairs: list[tuple[Sample, Sample]] = []
    with stage() as ground, unconfined.installed() as python, iperf_server(ground.topology.upstream):
        crowd.prepare(ground.topology)
        ground.site.document["sites"][0]["sessions_per_user"] = 10 * LOGINS
        for number in range(rounds):
            print(f"pair {number + 1} of {rounds}", flush=True)
            order = (sys.executable, python) if number % 2 == 0 else (python, sys.executable)
            found = {each: sample(ground, each, confined=each == sys.executable) for each in order}
            pairs.append((found[sys.executable], found[python]))
    return figures(pairs, conditions(rounds))


def sample(ground: Stage, python: str, *, confined: bool) -> Sample:
    with ground.wolfguard(python=python) as server:
        check(ground, confined=confined)
        costs: dict[str, float] = {}
        for dtls in (True, False):
            with ground.client(server, dtls=dtls):
                costs |= {way(dtls=dtls, down=down): cost(ground, server, down=down) for down in (False, True)}
        before = cpu_seconds(server.pids())
        crowd.cookies(ground.topology, ground.site.authority, LOGINS)
        return Sample(costs, (cpu_seconds(server.pids()) - before) / LOGINS, server.started)


def check(ground: Stage, *, confined: bool) -> None:
    """The kernel says which of the two it is."""
    if {unconfined.filtered(pid) for pid in workers(ground.site).values()} != {confined}:
        raise WolfguardError(f"the workers are not {'confined' if confined else 'free'}: nothing was measured")


def cost(ground: Stage, server: Server, *, down: bool) -> float:
    """CPU-s per GB of one transfer."""
    before = cpu_seconds(server.pids())
    moved = transfer(ground.topology.client, Topology.UPSTREAM_V4, seconds=SECONDS, down=down)
    return (cpu_seconds(server.pids()) - before) / (moved.bytes / 1e9)


def way(*, dtls: bool, down: bool) -> str:
    return f"{channel(dtls=dtls)}_{'down' if down else 'up'}"


def conditions(rounds: int) -> str:
    return (
        f"{machine()}; {rounds} interleaved pairs in changing order, median; openconnect of sid, profile compat, one "
        f"TCP stream of {SECONDS} s each way over DTLS and TLS; {LOGINS} logins (PBKDF2-HMAC-SHA-512, 210,000 "
        "iterations); without: the same package, accounts and limits, but no seccomp filter and no Landlock"
    )


def figures(pairs: Sequence[tuple[Sample, Sample]], told: str) -> list[Figure]:
    """Ratios are of one pair each, so that a slow minute counts on both sides."""
    names = [way(dtls=dtls, down=down) for dtls, down in WAYS]
    ratios = {name: [free.costs[name] / confined.costs[name] for confined, free in pairs] for name in names}
    # Over all four ways: the geometric mean, for ratios.
    whole = [prod(ratios[name][pair] for name in names) ** (1 / len(names)) for pair in range(len(pairs))]
    found = spread("throughput_ratio", whole, "ratio", GOAL, told)
    for name in names:
        found += spread(f"throughput_ratio_{name}", ratios[name], "ratio", "", told)
        for index, kind in enumerate(("confined", "free")):
            value = statistics.median(pair[index].costs[name] for pair in pairs)
            found.append(Figure(f"{name}_cpu_{kind}", value, "CPU-s/GB", "", told))
    found += spread("logins_ratio", [free.login / confined.login for confined, free in pairs], "ratio", GOAL, told)
    found += spread("startup_s", [confined.started for confined, _ in pairs], "s", "<= 2", told)
    found += spread("startup_s_free", [free.started for _, free in pairs], "s", "", told)
    return found


def spread(name: str, values: Sequence[float], unit: str, goal: str, told: str) -> list[Figure]:
    return [
        Figure(name, statistics.median(values), unit, goal, told),
        Figure(f"{name}_min", min(values), unit, "", told),
        Figure(f"{name}_max", max(values), unit, "", told),
    ]
