# SPDX-License-Identifier: GPL-3.0-or-later
"""Where tunnels are measured: one topology, our gateway or ocserv in it, and the same client build for both.

Owns starting and ending them. Both servers offer TLS and DTLS; our profile is `compat`, since the client's GnuTLS build
has DTLS under no other. Must not know what is measured.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figure import descendants
from tests.bench.ocserv import Ocserv
from tests.interop import roots
from tests.interop.status import counters
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.site import Gateway, Site
from wolfguard.errors import WolfguardError
from wolfguard.linux.namespace import Namespace, Topology

USER, PASSWORD = "bench", "correct horse battery staple"
WOLFGUARD, OCSERV = "wolfguard", "ocserv"
SUITE = "(DTLS1.2)-(PSK)-(AES-256-GCM)"
CERTIFICATES = itertools.count()


@dataclass(frozen=True)
class Server:
    """One that runs. `counters` are empty for ocserv; `started` is the seconds from its execution to its readiness."""

    name: str
    pids: Callable[[], list[int]]
    counters: Callable[[], dict[str, int]]
    started: float = 0.0


@dataclass
class Stage:
    """`mtus` collects what tunnels were seen with, as conditions of the figures."""

    topology: Topology
    site: Site
    mtus: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def server(self, name: str) -> Iterator[Server]:
        with self.wolfguard() if name == WOLFGUARD else self.ocserv() as server:
            yield server

    @contextmanager
    def wolfguard(self, workers: int = 0, python: str = sys.executable) -> Iterator[Server]:
        gateway = Gateway(self.site, self.topology.gateway, python=python)
        self.site.document["sites"][0]["crypto_profile"] = "compat"
        self.site.document["workers"] = workers
        self.site.write()
        seconds = gateway.start()
        try:
            process = gateway.process
            assert process is not None
            pid = process.pid
            self.site.wolfguard("user", "add", USER, "--password-stdin", stdin=PASSWORD + "\n")
            yield Server(WOLFGUARD, lambda: descendants(pid), lambda: counters(self.site), seconds)
        finally:
            gateway.stop()

    @contextmanager
    def ocserv(self) -> Iterator[Server]:
        peer = Ocserv(self.topology.gateway, datagrams=True)
        peer.start(self.site.folder / "pki", USER, PASSWORD)
        try:
            process = peer.process
            assert process is not None
            pid = process.pid
            yield Server(OCSERV, lambda: descendants(pid), dict)
        finally:
            peer.stop()

    @contextmanager
    def client(
        self,
        server: Server,
        *,
        dtls: bool,
        namespace: Namespace | None = None,
        host: str = Topology.GATEWAY_V4,
        options: tuple[str, ...] = (),
    ) -> Iterator[str]:
        """A connected client; gives its inside address. Over DTLS it must have the suite that both servers prefer."""
        root = roots.make(roots.SID)
        authority = root / "tmp" / f"bench-{next(CERTIFICATES)}.pem"
        authority.write_bytes(self.site.authority.read_bytes())
        place = namespace or self.topology.client
        made = Client(
            place, f"https://{host}", Path("/tmp") / authority.name, USER, (PASSWORD,), options=options, dtls=dtls,
            program=roots.SID.openconnect, runner=lambda command: [*roots.enter(root), *command],
        )  # fmt: skip
        try:
            inside = made.connect()
            if dtls and (suite := made.wait_dtls()) != SUITE:
                raise WolfguardError(f"{server.name} chose {suite}: figures of different suites say nothing")
            mtu = place.run("ip", "-o", "link", "show", made.device).partition(" mtu ")[2].split()[0]
            self.mtus[f"{server.name} {channel(dtls=dtls)}"] = int(mtu)
            yield inside
        finally:
            made.stop()
            authority.unlink()


def channel(*, dtls: bool) -> str:
    return "dtls" if dtls else "tls"


@contextmanager
def stage() -> Iterator[Stage]:
    topology = Topology.named(f"wgb{os.getpid() % 1000}")
    with tempfile.TemporaryDirectory() as folder:
        topology.delete()
        topology.add()
        try:
            site = Site(Path(folder))
            site.prepare()
            yield Stage(topology, site)
        finally:
            topology.delete()
