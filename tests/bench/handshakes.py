# SPDX-License-Identifier: GPL-3.0-or-later
"""Full TLS 1.3 handshakes of the real gateway against the same library's own server loop: `bench handshakes`.

In each round the same load client makes the same handshakes with both, over the same veth pair, one after the other in
changing order. Counted is processor time, user and system, of all threads of worker and keyd on one side and of the
library's loop on the other, each pinned to the same core; the load client has the other core. Cryptography and the
kernel's work for a connection are in both. Only in ours are the signature's way to keyd and back, the judgement of
strangers and their limits, epoll, and the wait for the client's end. Owns the pairs and the figures.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure, machine
from tests.interop.status import counters
from wolfguard.cli.demo.site import SERVER_NAMES, Gateway, Site
from wolfguard.crypto.authority import make_authority
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Topology

ROUNDS = 9
HANDSHAKES, RSA_HANDSHAKES = 4000, 800
THREADS = 16
RSA_BITS = 3072
SERVER_CORE, CLIENT_CORE = 0, 1
NETWORK, FIRST_SOURCE, SOURCES = "10.202.0.0/16", "10.202.1.0", 1000
PORT, LIBRARY_PORT = 443, 4433
GOAL = ">= 0.8"
# strangers' limits are kept, but none is reached
LIMITS = {"handshakes_per_second": 10000, "handshake_burst": 10000, "unauthenticated": 10000}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured: `key` is the certificate's, in the words of the authority's files."""

    name: str
    group: str
    key: str
    handshakes: int
    goal: str = ""


HYBRID = Kind("hybrid", "SecP256r1MLKEM768", "ecdsa", HANDSHAKES, GOAL)
P256 = Kind("p256", "secp256r1", "ecdsa", HANDSHAKES, GOAL)
RSA = Kind("rsa3072", "secp256r1", "rsa", RSA_HANDSHAKES)


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds of processor time for one handshake."""

    ours: float
    library: float
    memory: float


class Programs:
    """The load client and the library's loop, built against the installed libwolfssl."""

    def __init__(self, folder: Path) -> None:
        here, library = Path(__file__).parent, Path(sys.prefix) / "wolfssl"
        self.load, self.library = folder / "handshake_load", folder / "handshake_library"
        for program in (self.load, self.library):
            subprocess.run(
                ["cc", "-O2", "-Wall", "-Werror", f"-I{library}/include", "-o", program, here / f"{program.name}.c",
                 f"-L{library}/lib", f"-Wl,-rpath,{library}/lib", "-lwolfssl", "-lpthread"],
                check=True,
            )  # fmt: skip

    def handshakes(self, topology: Topology, port: int, kind: Kind) -> None:
        """All of them have succeeded when it returns."""
        words = [
            Topology.GATEWAY_V4,
            str(port),
            kind.group,
            str(kind.handshakes),
            str(THREADS),
            FIRST_SOURCE,
            str(SOURCES),
        ]
        topology.client.run(*on_core(CLIENT_CORE, [str(self.load), *words]))


def run(rounds: int) -> list[Figure]:
    """Needs root and two cores."""
    if len(os.sched_getaffinity(0)) < 2:
        raise WolfguardError("gateway and clients need a core each: this machine has one")
    samples: dict[Kind, list[Sample]] = {HYBRID: [], P256: [], RSA: []}
    with _ground() as (topology, site, programs):
        for kinds in ((HYBRID, P256), (RSA,)):
            with _gateway(topology, site, kinds[0].key) as pids:
                for number, kind in itertools.product(range(-1, rounds), kinds):
                    sample = _pair(topology, site, programs, pids, kind, ours_first=number % 2 == 0)
                    if number >= 0:  # the one before is for caches and memory
                        samples[kind].append(sample)
    return [figure for kind, each in samples.items() for figure in _figures(kind, each)]


def _figures(kind: Kind, samples: Sequence[Sample]) -> list[Figure]:
    told = (
        f"{machine()}; medians of {len(samples)} interleaved pairs of {kind.handshakes} full handshakes, {THREADS} "
        f"connections at a time; worker and keyd, or the library's loop, pinned to core {SERVER_CORE}, clients to core "
        f"{CLIENT_CORE}; us: CPU time of one; memory: the library without sockets; per_second: what the core carries"
    )
    ours = statistics.median(each.ours for each in samples)
    library = statistics.median(each.library for each in samples)
    memory = statistics.median(each.memory for each in samples)
    ratio = statistics.median(each.library / each.ours for each in samples)
    name = kind.name
    return [
        Figure(f"{name}_vs_library", ratio, "ratio", kind.goal, told),
        Figure(f"{name}_us", 1e6 * ours, "us CPU", "", told),
        Figure(f"{name}_library_us", 1e6 * library, "us CPU", "", told),
        Figure(f"{name}_memory_us", 1e6 * memory, "us CPU", "", told),
        Figure(f"{name}_per_second", 1 / ours, "1/s", "", told),
        Figure(f"{name}_library_per_second", 1 / library, "1/s", "", told),
    ]


# --- ground -----------------------------------------------------------------------------------------------------------


@contextmanager
def _ground() -> Iterator[tuple[Topology, Site, Programs]]:
    topology = Topology.named(f"wgh{os.getpid()}")
    topology.delete()
    with tempfile.TemporaryDirectory(prefix="wolfguard-bench-") as folder:
        site = Site(Path(folder) / "site")
        Path(folder).chmod(0o755)
        programs = Programs(Path(folder))
        topology.add()
        try:
            topology.client.run("ip", "route", "add", "local", NETWORK, "dev", "lo")
            topology.gateway.route(NETWORK, Topology.CLIENT_V4)
            make_authority(site.folder / "pki", SERVER_NAMES, rsa_bits=RSA_BITS)
            yield topology, site, programs
        finally:
            topology.delete()


@contextmanager
def _gateway(topology: Topology, site: Site, key: str) -> Iterator[tuple[int, ...]]:
    """The processes that carry a handshake: worker and keyd, all of their threads on one core."""
    site.prepare(workers=1, limits=LIMITS)
    stem = str(site.folder / "pki" / f"server-{key}")
    site.document["sites"][0]["certificates"] = [{"certificate": f"{stem}.pem", "key": f"{stem}.key"}]
    site.write()
    gateway = Gateway(site, topology.gateway)
    gateway.start()
    try:
        pids = _pids(site)
        for thread in _threads(pids):
            os.sched_setaffinity(int(thread.name), {SERVER_CORE})
        yield pids
    finally:
        gateway.stop()


def _pids(site: Site) -> tuple[int, ...]:
    processes = json.loads(site.wolfguard("status", "--json").stdout)["processes"]
    return tuple(int(each["pid"]) for each in processes if each["process"] in ("worker", "keyd"))


def on_core(core: int, command: Sequence[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(core), *command]


# --- one pair ---------------------------------------------------------------------------------------------------------


def _pair(
    topology: Topology, site: Site, programs: Programs, pids: tuple[int, ...], kind: Kind, *, ours_first: bool
) -> Sample:
    if ours_first:
        ours = _ours(topology, site, programs, pids, kind)
        library = _library(topology, site, programs, kind)
    else:
        library = _library(topology, site, programs, kind)
        ours = _ours(topology, site, programs, pids, kind)
    return Sample(ours, library, _memory(site, programs, kind))


def _ours(topology: Topology, site: Site, programs: Programs, pids: tuple[int, ...], kind: Kind) -> float:
    done = counters(site).get("handshake_ok", 0)
    before = _settled_seconds(pids)
    programs.handshakes(topology, PORT, kind)
    used = _settled_seconds(pids) - before
    done = counters(site)["handshake_ok"] - done
    if done != kind.handshakes:
        raise WolfguardError(f"{done} handshakes of {kind.handshakes} were the gateway's")
    return used / kind.handshakes


def _library(topology: Topology, site: Site, programs: Programs, kind: Kind) -> float:
    words = [
        str(programs.library),
        "serve",
        kind.group,
        *_certificate(site, kind),
        Topology.GATEWAY_V4,
        str(LIBRARY_PORT),
    ]
    command = topology.gateway.inside(on_core(SERVER_CORE, words))
    loop = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert loop.stdout is not None
    try:
        if loop.stdout.readline() != b"ready\n":
            raise WolfguardError("the library's loop does not listen")
        before = _settled_seconds((loop.pid,))
        programs.handshakes(topology, LIBRARY_PORT, kind)
        return (_settled_seconds((loop.pid,)) - before) / kind.handshakes
    finally:
        loop.terminate()
        loop.communicate()


def _memory(site: Site, programs: Programs, kind: Kind) -> float:
    words = [str(programs.library), "memory", kind.group, *_certificate(site, kind), str(kind.handshakes // 4)]
    return float(subprocess.run(on_core(SERVER_CORE, words), check=True, capture_output=True, text=True).stdout)


def _certificate(site: Site, kind: Kind) -> list[str]:
    stem = site.folder / "pki" / f"server-{kind.key}"
    return [f"{stem}.pem", f"{stem}.key"]


# --- processor time ---------------------------------------------------------------------------------------------------


def _threads(pids: Sequence[int]) -> list[Path]:
    return [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]


def _seconds(pids: Sequence[int]) -> float:
    """Of all threads that live; none of them ends while it is measured."""
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in _threads(pids)) / 1e9


def _settled_seconds(pids: Sequence[int]) -> float:
    """Once the ends of connections have been served too."""
    before = _seconds(pids)
    while True:
        time.sleep(0.1)
        now = _seconds(pids)
        if now - before < 0.001:
            return now
        before = now
