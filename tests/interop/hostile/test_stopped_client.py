# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that stops reading amid a download: what is for it is lost, a worker keeps little, nobody else waits."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.bench.crowd import memory
from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile.raw_datagrams import Member
from tests.interop.raw import inside
from tests.interop.status import PACKETS_OUT, workers
from tests.system.whole_gateway import until
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import TrafficError, ping
from wolfguard.linux import steering
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

BLAST = Path(__file__).parents[2] / "bench" / "blast.py"
PORT = 9000
RATE, SIZE, SECONDS = 20_000, 1200, 4.0
STOPPED = 2.0
GROWTH_KIB = 2048
LONGEST = 0.5


@contextmanager
def download(gateway: Field, address: str) -> Iterator[None]:
    """Datagrams at a steady rate, which no window holds back as it would TCP."""
    words = [sys.executable, str(BLAST), address, "--port", str(PORT), "--size", str(SIZE), "--rate", str(RATE)]
    with inside(gateway.topology.client):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sink:
        # else the client's kernel would refuse, and the sender end
        sink.bind((address, PORT))
        blast = subprocess.Popen(
            gateway.topology.upstream.inside([*words, "--seconds", str(SECONDS)]), stdout=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            blast.terminate()
            blast.wait()


@pytest.mark.parametrize("dtls", [True, False], ids=["dtls", "tls"])
def test_stopped(patient: Field, clients: list[Client], tmp_path: Path, dtls: bool) -> None:
    # both in one worker, or it would prove little
    slot = slot_of(Topology.CLIENT_V4)
    source = next(each for each in (f"203.0.113.{last}" for last in range(150, 200)) if slot_of(each) == slot)
    patient.topology.client.run("ip", "address", "replace", f"{source}/24", "dev", "eth0")
    neighbour = Member.join(patient, tmp_path, source=source)
    client = Client(
        patient.topology.client,
        f"https://{Topology.GATEWAY_V4}",
        patient.site.authority,
        "alice",
        (PASSWORD,),
        dtls=dtls,
    )
    clients.append(client)
    address = client.connect()
    if dtls:
        client.wait_dtls()
    session = patient.session(address)["session"]
    process = client.process
    assert process is not None
    pids = list(workers(patient.site).values())
    try:
        neighbour.ping()
        with download(patient, address):
            started = patient.counters()[PACKETS_OUT]
            until(lambda: patient.counters()[PACKETS_OUT] > started + RATE // 10, "the download runs")
            before, sent = memory(pids, "Rss"), handled(patient)
            process.send_signal(signal.SIGSTOP)
            end, longest, count = time.monotonic() + STOPPED, 0.0, 0
            while (begun := time.monotonic()) < end:
                count += 1
                neighbour.ping(count)
                longest = max(longest, time.monotonic() - begun)
            grown, sent = memory(pids, "Rss") - before, handled(patient) - sent
            process.send_signal(signal.SIGCONT)
        print(
            f"{count} pings of a neighbour while it slept, the longest {longest:.3f} s; {sent} for it, {grown} KiB more"
        )
        assert sent > RATE * STOPPED / 2
        assert longest < LONGEST
        assert grown < GROWTH_KIB
        until(lambda: answers(patient), "the client is back", limit=10)
        assert patient.session(address)["session"] == session
    finally:
        process.send_signal(signal.SIGCONT)
        neighbour.close()


def handled(gateway: Field) -> int:
    """Packets that were for a client, whatever became of them."""
    counters = gateway.counters()
    return counters[PACKETS_OUT] + counters.get("drop_session_queue_full", 0)


def slot_of(source: str) -> int:
    return steering.slot_of(b"", ip_address(source), 2)


def answers(gateway: Field) -> bool:
    try:
        ping(gateway.topology.client, Topology.UPSTREAM_V4, count=1, patience=0.5)
    except TrafficError:
        return False
    return True
