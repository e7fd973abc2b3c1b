# SPDX-License-Identifier: GPL-3.0-or-later
"""What an idle session costs a worker in memory: RSS with many of them, on both channels, less RSS with none.

The clients are one process (crowd.c), since a thousand openconnects would not fit; it is built where the OpenSSL build
of openconnect is, so that nothing more must be installed. They come with cookies of logins made before, so that what a
worker needs once, and for logins, is told apart from what each session needs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figure import Figure, descendants, machine
from tests.bench.ocserv import Ocserv
from tests.bench.stage import PASSWORD, USER
from tests.interop import roots
from tests.interop.status import workers
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Topology

COUNT, PEER_COUNT = 1000, 100
NETWORK, SOURCES = "10.201.0.0/16", "10.201.1.0"
# nothing may end or wake a session while it is looked at
QUIET = {"dpd": 3600, "keepalive": 32400, "reconnect": 600}


def memory(pids: Iterable[int], field: str) -> int:
    """KiB of these processes together: "Rss", or "Pss" where what they share shall count once."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return total


def cookies(topology: Topology, authority: Path, count: int) -> str:
    """So many logins, each from its own address; nothing of them stays connected."""
    return topology.client.run(
        sys.executable, str(Path(__file__).with_name("cookies.py")), "--host", Topology.GATEWAY_V4, "--cafile",
        str(authority), "--source", SOURCES, "--user", USER, "--password", PASSWORD, "--count", str(count),
    )  # fmt: skip


@contextmanager
def crowd(topology: Topology, lines: str) -> Iterator[None]:
    """An idle client with TLS and DTLS for each line of cookies(). Raises WolfguardError unless all have both."""
    root = roots.make(roots.OPENSSL)
    enter = roots.enter(root)
    shutil.copy(Path(__file__).with_name("crowd.c"), root / "tmp")
    subprocess.run([*enter, "gcc", "-O2", "-o", "/tmp/crowd", "/tmp/crowd.c", "-lssl", "-lcrypto"], check=True)
    command = topology.client.inside([*enter, "/tmp/crowd", Topology.GATEWAY_V4, "443"])
    clients = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert clients.stdin is not None
    assert clients.stdout is not None
    count = str(len(lines.splitlines()))
    try:
        clients.stdin.write(lines)
        clients.stdin.close()
        said = clients.stdout.readline().split()
        if said != ["ready", count, count]:
            raise WolfguardError(f"of {count} clients with both channels the crowd says {said}")
        yield
    finally:
        clients.stdin = None  # else communicate() would flush it
        clients.terminate()
        clients.communicate()


def prepare(topology: Topology) -> None:
    """Addresses for the crowd."""
    topology.client.run("ip", "route", "add", "local", NETWORK, "dev", "lo")
    topology.gateway.route(NETWORK, Topology.CLIENT_V4)


def ours(topology: Topology, gateway: Gateway) -> list[Figure]:
    """On a gateway started for it, whose workers have served nobody yet."""
    gateway.stop()
    site = gateway.site.document["sites"][0]
    site["sessions_per_user"] = COUNT
    site["timeouts"] = QUIET
    gateway.site.write()
    gateway.start()
    gateway.site.wolfguard("user", "add", USER, "--password-stdin", stdin=PASSWORD + "\n")
    pids = tuple(workers(gateway.site).values())
    cold = memory(pids, "Rss")
    lines = cookies(topology, gateway.site.authority, COUNT)
    before = memory(pids, "Rss")
    with crowd(topology, lines):
        after = memory(pids, "Rss")
    told = f"{machine()}; {COUNT} idle sessions with TLS 1.3 and DTLS 1.2; RSS of all workers less that"
    return [
        Figure("session_kib", (after - before) / COUNT, "KiB", "<= 24", f"{told} after {COUNT} logins without tunnels"),
        Figure("session_kib_cold", (after - cold) / COUNT, "KiB", "", f"{told} of workers that have served nobody"),
    ]


def theirs(topology: Topology, site: Site) -> list[Figure]:
    """ocserv has a process for each session; shared pages are counted once."""
    peer = Ocserv(topology.gateway, datagrams=True, dpd=QUIET["dpd"])
    peer.start(site.folder / "pki", USER, PASSWORD)
    process = peer.process
    assert process is not None
    try:
        lines = cookies(topology, site.authority, PEER_COUNT)
        before = memory(descendants(process.pid), "Pss")
        with crowd(topology, lines):
            after = memory(descendants(process.pid), "Pss")
    finally:
        peer.stop()
    told = f"{machine()}; {peer.version()}; {PEER_COUNT} idle sessions with TLS 1.3 and DTLS 1.2, PSS of all processes"
    return [Figure("ocserv_session_kib", (after - before) / PEER_COUNT, "KiB", "", told)]
