# SPDX-License-Identifier: GPL-3.0-or-later
"""Many logins at once through a real FreeRADIUS over RADIUS/1.1, and what the time of a login goes into.

The backend has its default limits, so that the figure says what an administrator gets who sets none. Each login is
counted when its tunnel stands. What limits the rate is named by the CPU time of every process that takes part.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.figure import TICKS, Figure, cpu_seconds, descendants, machine
from tests.interop import roots
from tests.interop.radius import pki
from tests.interop.radius.freeradius import FreeRadius
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.linux.namespace import Topology

COUNT: Final = 600
LIMIT: Final = 60
SILENT: Final = 3.0
SOURCES: Final = "10.200.1.0"
USER, PASSWORD = "bench", "wonder"
BUSY: Final = 0.85
"""Share of its cores from which a machine, and of one core from which a process, counts as used up."""
SINGLE_THREADED: Final = ("sessiond", "authd", "keyd")


def run() -> list[Figure]:
    """Needs root."""
    with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
        Path(folder).chmod(0o755)
        with _gateway(Path(folder)) as (topology, gateway, server):
            topology.client.run("ip", "route", "add", "local", "10.200.0.0/16", "dev", "lo")
            topology.gateway.route("10.200.0.0/16", Topology.CLIENT_V4)
            report, spent = _storm(topology, gateway, server)
            held, _ = _storm(topology, gateway, server, silent=SILENT)
    conditions = (
        f"{machine()}; logins of {COUNT} users at once, each from an address of its own and until its tunnel "
        f"stands; FreeRADIUS over RADIUS/1.1 and light Python client on the same machine, default limits"
    )
    return [
        Figure("radius_logins_ok", report["ok"], "logins", f">= {COUNT}", conditions),
        Figure(
            "radius_logins_ok_held",
            held["ok"],
            "logins",
            f">= {COUNT}",
            f"{conditions}; the server is stopped for the first {SILENT:g} s",
        ),
        Figure("radius_logins_per_s", report["ok"] / report["seconds"], "logins/s", "", f"{conditions}; {spent}"),
    ]


def _storm(topology: Topology, gateway: Gateway, server: FreeRadius, silent: float = 0.0) -> tuple[dict[str, Any], str]:
    """All logins start in the same moment, each from a source address of its own; what came of them, and where the
    time went. For `silent` seconds the server is stopped, so that all wait for it together."""
    command = [
        sys.executable, str(Path(__file__).with_name("logins.py")), "--host", Topology.GATEWAY_V4,
        "--cafile", str(gateway.site.authority), "--source", SOURCES, "--user", USER, "--users", str(COUNT),
        "--password", PASSWORD, "--count", str(COUNT), "--limit", str(LIMIT),
        "--reconnects", "0",
    ]  # fmt: skip
    pids = _pids(gateway)
    before, busy = _cpu(pids, server), _machine()
    if silent:
        server.send(signal.SIGSTOP)
    with subprocess.Popen(topology.client.inside(command), stdout=subprocess.PIPE, text=True) as client:
        # the first second is the client's own
        time.sleep(1.0 + silent)
        server.send(signal.SIGCONT)
        printed, _ = client.communicate()
    spent = {name: value - before[name] for name, value in _cpu(pids, server).items()}
    used, idle = (after - earlier for after, earlier in zip(_machine(), busy, strict=True))
    report: dict[str, Any] = json.loads(printed)
    if report["errors"] or report["unfinished"]:
        print(f"errors: {report['errors']}, unfinished: {report['unfinished']}", flush=True)
    return report, describe(spent, report["seconds"], used, idle)


def describe(spent: Mapping[str, float], seconds: float, used: float, idle: float) -> str:
    """CPU time a login by process, and what was used up first. `used` and `idle` are the machine's CPU seconds."""
    parts = ", ".join(f"{name} {value / COUNT * 1000:.2f}" for name, value in sorted(spent.items(), key=_by_time))
    full = [name for name in SINGLE_THREADED if spent[name] / seconds >= BUSY]
    ours = sum(spent.values())
    if full:
        limit = f"limited by the one core that {full[0]} can use"
    elif used / (used + idle) >= BUSY:
        others = f", {1 - ours / used:.0%} of them by other work on the machine" if ours / used < BUSY else ""
        limit = f"limited by the machine's cores, which were all used{others}"
    else:
        limit = f"not limited by the CPU ({used / (used + idle):.0%} of it used)"
    return f"CPU ms a login: {parts}; {limit}"


def _by_time(item: tuple[str, float]) -> float:
    return -item[1]


def _machine() -> tuple[float, float]:
    """CPU seconds of all cores so far: used, and idle."""
    words = Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]
    user, nice, system, idle, waiting, *interrupts = (int(word) / TICKS for word in words)
    return user + nice + system + sum(interrupts), idle + waiting


def _pids(gateway: Gateway) -> list[tuple[str, int]]:
    processes = json.loads(gateway.site.wolfguard("status", "--json").stdout)["processes"]
    return [(each["process"], each["pid"]) for each in processes]


def _cpu(pids: list[tuple[str, int]], server: FreeRadius) -> dict[str, float]:
    """CPU seconds so far by what they are spent for; the gateway's workers together."""
    spent = {
        "FreeRADIUS": cpu_seconds(descendants(server.pid)),
        "client": sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
    }
    for name, pid in pids:
        spent[name] = spent.get(name, 0.0) + cpu_seconds([pid])
    return spent


@contextmanager
def _gateway(folder: Path) -> Iterator[tuple[Topology, Gateway, FreeRadius]]:
    topology = Topology.named(f"wgr{os.getpid()}")
    certificates = pki.make()
    users = "".join(f'{USER}{number} Cleartext-Password := "{PASSWORD}"\n' for number in range(COUNT))
    server = FreeRadius(roots.RADIUS11, folder, pki=certificates, version_1_1="allow", users=users)
    server.within = topology.gateway.inside
    gateway = Gateway(Site(folder / "site"), topology.gateway)
    topology.delete()
    topology.add()
    try:
        server.start()
        laid = certificates.lay(folder)
        gateway.site.prepare()
        radius = {
            "servers": [{"address": "127.0.0.1", "port": server.port, "name": pki.SERVER_NAME}],
            **laid,
        }
        gateway.site.document["backends"] = [{"name": "corp", "type": "radius", "radius": radius}]
        gateway.site.document["sites"][0] |= {"authentication": ["corp"], "sessions_per_user": COUNT}
        gateway.site.write()
        gateway.start()
        yield topology, gateway, server
    finally:
        gateway.stop()
        server.stop()
        topology.delete()
