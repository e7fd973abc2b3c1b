# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker killed amid traffic: sessions come back with their addresses, and nothing leaves in the clear."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.status import workers
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import TrafficError, ping
from wolfguard.linux.namespace import Namespace, Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

LIMIT = 20.0


class Capture:
    """tcpdump in a namespace, writing what matches to a file."""

    def __init__(self, namespace: Namespace, device: str, file: Path, expression: str) -> None:
        words = ["tcpdump", "-n", "-U", "-i", device, "-w", str(file), "--immediate-mode", "-Z", "root", expression]
        self.file = file
        self.process = subprocess.Popen(namespace.inside(words), stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if b"listening" in line:
                break

    def packets(self) -> list[str]:
        self.process.terminate()
        self.process.communicate()
        command = ["tcpdump", "-n", "-r", str(self.file)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("dtls", [False, True], ids=["tls", "dtls"])
def test_killed_worker(compat: Field, clients: list[Client], tmp_path: Path, dtls: bool) -> None:
    client = Client(
        compat.topology.client, f"https://{Topology.GATEWAY_V4}", compat.site.authority, "alice", (PASSWORD,), dtls=dtls
    )
    clients.append(client)
    inside = client.connect()
    if dtls:
        client.wait_dtls()
    # were it not for the unreachable routes, packets for a client would follow the default route when its device goes
    compat.topology.gateway.route("default", Topology.UPSTREAM_V4)
    inner = "net 10.99.0.0/16"
    outside = Capture(compat.topology.gateway, "outside", tmp_path / "outside.pcap", inner)
    core = Capture(compat.topology.gateway, "core", tmp_path / "core.pcap", f"dst {inner} and outbound")
    flood = subprocess.Popen(
        compat.topology.upstream.inside(["ping", "-q", "-i", "0.002", inside]), stdout=subprocess.DEVNULL
    )
    try:
        session = compat.session(inside)
        os.kill(workers(compat.site)[session["slot"]], signal.SIGKILL)
        recover(compat)
    finally:
        flood.terminate()
        flood.wait()
        compat.topology.gateway.run("ip", "route", "del", "default")
    assert compat.session(inside)["session"] == session["session"]
    assert outside.packets() == []
    assert core.packets() == []
    if dtls:
        client.wait_dtls()
        ping(compat.topology.client, Topology.UPSTREAM_V4)


def recover(field: Field) -> None:
    end = time.monotonic() + LIMIT
    while True:
        try:
            ping(field.topology.client, Topology.UPSTREAM_V4, count=1)
            return
        except TrafficError:
            if time.monotonic() > end:
                raise
