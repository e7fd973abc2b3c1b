# SPDX-License-Identifier: GPL-3.0-or-later
"""Many logins at once, cookie reconnects meanwhile, recovery from a worker's death, and the memory of idle sessions."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import crowd
from tests.bench.figure import Figure, machine
from tests.bench.stage import PASSWORD, USER
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.cli.demo.traffic import ping
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Topology

COUNT, USERS, LIMIT = 600, 20, 60
SOURCES = "10.200.1.0"
RECOVERY_LIMIT = 30.0


def run(rounds: int) -> list[Figure]:
    topology = Topology.named(f"wgb{os.getpid() % 1000}")
    with tempfile.TemporaryDirectory() as folder:
        topology.delete()
        topology.add()
        gateway = Gateway(Site(Path(folder)), topology.gateway)
        try:
            gateway.site.prepare()
            gateway.site.document["sites"][0]["sessions_per_user"] = COUNT
            gateway.site.write()
            gateway.start()
            for number in range(USERS):
                gateway.site.wolfguard("user", "add", f"{USER}{number}", "--password-stdin", stdin=PASSWORD + "\n")
            figures = [*storm(topology, gateway), *recovery(topology, gateway, rounds)]
            crowd.prepare(topology)
            figures += crowd.ours(topology, gateway)
            gateway.stop()
            return [*figures, *crowd.theirs(topology, gateway.site)]
        finally:
            gateway.stop()
            topology.delete()


def storm(topology: Topology, gateway: Gateway) -> list[Figure]:
    """All logins start in the same moment, each from a source address of its own."""
    topology.client.run("ip", "route", "add", "local", "10.200.0.0/16", "dev", "lo")
    topology.gateway.route("10.200.0.0/16", Topology.CLIENT_V4)
    command = [
        sys.executable, str(Path(__file__).with_name("logins.py")), "--host", Topology.GATEWAY_V4,
        "--cafile", str(gateway.site.authority), "--source", SOURCES, "--user", USER, "--users", str(USERS),
        "--password", PASSWORD, "--count", str(COUNT), "--limit", str(LIMIT),
    ]  # fmt: skip
    result = subprocess.run(topology.client.inside(command), check=True, capture_output=True, text=True)
    report = json.loads(result.stdout)
    if report["errors"]:
        print(f"errors: {report['errors']}", flush=True)
    conditions = (
        f"{machine()}; {COUNT} logins at once of {USERS} local users (PBKDF2-HMAC-SHA-512, 210,000 iterations) from "
        f"{COUNT} source addresses, light Python client on the same machine, default limits; "
        f"{report['reconnects']} reconnects"
    )
    return [
        Figure("logins_ok", report["ok"], "logins", f">= {COUNT}", conditions),
        Figure("logins_seconds", report["seconds"], "s", f"<= {LIMIT}", conditions),
        Figure("reconnect_p50", report["reconnect_p50"] * 1000, "ms", "", conditions),
        Figure("reconnect_p99", report["reconnect_p99"] * 1000, "ms", "<= 200", conditions),
    ]


def recovery(topology: Topology, gateway: Gateway, rounds: int) -> list[Figure]:
    """From SIGKILL of the worker that carries a client to the first ping that comes back."""
    samples = []
    client = Client(topology.client, f"https://{Topology.GATEWAY_V4}", gateway.site.authority, f"{USER}0", (PASSWORD,))
    inside = client.connect()
    try:
        for _ in range(rounds):
            ping(topology.client, Topology.UPSTREAM_V4, count=2)
            samples.append(recover_once(topology, gateway, inside))
    finally:
        client.stop()
    conditions = f"{machine()}; openconnect {client.program} over TLS, SIGKILL of its worker, median of {rounds}"
    return [
        Figure("recovery_s", statistics.median(samples), "s", "<= 5", conditions),
        Figure("recovery_s_max", max(samples), "s", "", conditions),
    ]


def recover_once(topology: Topology, gateway: Gateway, inside: str) -> float:
    status = json.loads(gateway.site.wolfguard("status", "--json").stdout)
    sessions = json.loads(gateway.site.wolfguard("sessions", "--json").stdout)["sessions"]
    session = next(each for each in sessions if each["ipv4"] == inside)
    worker = next(
        each["pid"] for each in status["processes"] if each["process"] == "worker" and each["slot"] == session["slot"]
    )
    os.kill(worker, signal.SIGKILL)
    begun = time.monotonic()
    while time.monotonic() - begun < RECOVERY_LIMIT:
        try:
            ping(topology.client, Topology.UPSTREAM_V4, count=1, patience=0.1)
        except WolfguardError:
            continue
        return time.monotonic() - begun
    raise WolfguardError(f"no traffic {RECOVERY_LIMIT:.0f} s after the worker's death; see {gateway.log}")
