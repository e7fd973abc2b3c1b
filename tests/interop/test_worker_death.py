# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker killed amid traffic: sessions come back with their addresses, and nothing leaves in the clear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.interop.conftest import PASSWORD, Field
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import TrafficError, ping
from wolfguard.linux.namespace import Namespace, Topology

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


def test_killed_worker(field: Field, clients: list[Client], tmp_path: Path) -> None:
    client = Client(
        field.topology.client, f"https://{Topology.GATEWAY_V4}", field.site.authority, "alice", (PASSWORD,),
        options=("--authgroup=staff",),
    )  # fmt: skip
    clients.append(client)
    inside = client.connect()
    # were it not for the unreachable routes, packets for a client would follow the default route when its device goes
    field.topology.gateway.route("default", Topology.UPSTREAM_V4)
    inner = "net 10.99.0.0/16"
    outside = Capture(field.topology.gateway, "outside", tmp_path / "outside.pcap", inner)
    core = Capture(field.topology.gateway, "core", tmp_path / "core.pcap", f"dst {inner} and outbound")
    flood = subprocess.Popen(
        field.topology.upstream.inside(["ping", "-q", "-i", "0.002", inside]), stdout=subprocess.DEVNULL
    )
    try:
        session = session_of(field, inside)
        status = json.loads(field.site.wolfguard("status", "--json").stdout)
        worker = next(
            each for each in status["processes"] if each["process"] == "worker" and each["slot"] == session["slot"]
        )
        os.kill(worker["pid"], signal.SIGKILL)
        recover(field)
    finally:
        flood.terminate()
        flood.wait()
        field.topology.gateway.run("ip", "route", "del", "default")
    assert session_of(field, inside)["session"] == session["session"]
    assert outside.packets() == []
    assert core.packets() == []


def session_of(field: Field, inside: str) -> dict[str, object]:
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    found: dict[str, object] = next(each for each in sessions if each["ipv4"] == inside)
    return found


def recover(field: Field) -> None:
    end = time.monotonic() + LIMIT
    while True:
        try:
            ping(field.topology.client, Topology.UPSTREAM_V4, count=1)
            return
        except TrafficError:
            if time.monotonic() > end:
                raise
