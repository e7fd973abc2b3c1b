# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer to beat: ocserv from Debian sid, in the same topology, with the same certificate, as little else as can be.

Owns its configuration and its process. Its settings favour it: no accounting, no isolation, no rate limits.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.interop import roots
from wolfguard.errors import StartError
from wolfguard.linux.namespace import Namespace

CONFIGURATION = """\
auth = "plain[passwd=/etc/ocserv/passwd]"
tcp-port = 443
run-as-user = nobody
run-as-group = nogroup
socket-file = /run/ocserv.socket
server-cert = /etc/ocserv/server.pem
server-key = /etc/ocserv/server.key
isolate-workers = false
max-clients = 0
max-same-clients = 0
rate-limit-ms = 0
keepalive = 32400
dpd = {dpd}
mtu = 1456
cookie-timeout = 300
compression = false
max-ban-score = 0
tls-priorities = "NORMAL:%SERVER_PRECEDENCE"
use-occtl = false
pid-file = /run/ocserv.pid
device = vpns
ipv4-network = 10.99.0.0/16
dns = 10.99.0.1
route = 198.51.100.0/24
ipv6-network = fd99::/64
ipv6-subnet-prefix = 128
route = 2001:db8:2::/64
"""
# With it ocserv offers DTLS; PSK-NEGOTIATE is its default for clients that ask for it.
DATAGRAMS = "udp-port = 443\n"


@dataclass
class Ocserv:
    """`datagrams`: over DTLS too. `dpd` in seconds."""

    namespace: Namespace
    datagrams: bool = False
    dpd: int = 90
    process: subprocess.Popen[bytes] | None = None

    def start(self, pki: Path, user: str, password: str) -> None:
        root = roots.make(roots.SID)
        folder = root / "etc" / "ocserv"
        folder.mkdir(exist_ok=True)
        shutil.copy(pki / "server-ecdsa.pem", folder / "server.pem")
        shutil.copy(pki / "server-ecdsa.key", folder / "server.key")
        (folder / "bench.conf").write_text(CONFIGURATION.format(dpd=self.dpd) + (DATAGRAMS if self.datagrams else ""))
        subprocess.run(
            [*roots.enter(root), "ocpasswd", "-c", "/etc/ocserv/passwd", user],
            input=f"{password}\n{password}\n".encode(), check=True, capture_output=True,
        )  # fmt: skip
        command = self.namespace.inside([*roots.enter(root), "ocserv", "-f", "-c", "/etc/ocserv/bench.conf"])
        log = (folder / "log").open("wb")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(100):
            if ":443" in self.namespace.run("ss", "-Hltn"):
                return
            time.sleep(0.05)
        self.stop()
        raise StartError(f"ocserv did not start; see {folder / 'log'}")

    def version(self) -> str:
        result = subprocess.run(
            [*roots.enter(roots.make(roots.SID)), "dpkg-query", "-W", "-f", "${Version}", "ocserv"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return f"ocserv {result.stdout}"

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
