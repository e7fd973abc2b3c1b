# SPDX-License-Identifier: GPL-3.0-or-later
"""Floods of ClientHellos from sources that nobody can list: they leave nothing behind, and others are served meanwhile.

The flood comes over the gateway's own loopback, where any address of 127/8 is a source, as fast as one core sends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bench.crowd import memory
from tests.bench.figure import cpu_seconds
from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile.raw_datagrams import Member
from tests.interop.pings import pings
from tests.interop.raw import Raw
from tests.interop.status import workers
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

SCRIPT = Path(__file__).with_name("hello_flood.py")
SECONDS = 3.0
LOGIN = 2.0
GROWTH_KIB = 1024
# a flood that one core sends is no test below this
LEAST = 20_000


@dataclass
class Flood:
    """What the flood reports at its end, and what it cost the workers."""

    report: dict[str, Any] = field(default_factory=dict)
    grown: int = 0
    cpu: float = 0.0

    def line(self, heard: int) -> str:
        sent, seconds = self.report["sent"], self.report["seconds"]
        return (
            f"{sent} hellos in {seconds:.1f} s ({sent / seconds:.0f}/s), {heard} reached the workers, "
            f"{self.cpu / heard * 1e6:.2f} us of their CPU each (logins and pings with it), "
            f"{self.grown} KiB more, {self.report['answers']} back"
        )


@contextmanager
def flooding(gateway: Field, app_id: bytes = b"") -> Iterator[Flood]:
    """For the time of the flood at least."""
    pids = list(workers(gateway.site).values())
    made = Flood()
    words = [sys.executable, str(SCRIPT), "--seconds", str(SECONDS), "--app-id", app_id.hex()]
    before, used = memory(pids, "Rss"), cpu_seconds(pids)
    process = subprocess.Popen(gateway.topology.gateway.inside(words), stdout=subprocess.PIPE, text=True)
    try:
        yield made
        made.report = json.loads(process.communicate()[0])
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()
    made.grown, made.cpu = memory(pids, "Rss") - before, cpu_seconds(pids) - used


def log_in(gateway: Field) -> float:
    """Seconds from the first SYN to the tunnel."""
    begun = time.monotonic()
    raw = Raw.open(gateway.topology.client, str(gateway.site.authority))
    assert raw.connect(raw.log_in("alice", PASSWORD))[0] == 200
    took = time.monotonic() - begun
    raw.close()
    return took


def test_without_an_app_id(patient: Field, live: Client) -> None:
    log_in(patient)  # what a first login allocates is no flood's
    before = patient.counters()
    with (
        pings(patient.topology.client, Topology.UPSTREAM_V4, count=140, interval=0.02) as stream,
        flooding(patient) as flood,
    ):
        took = [log_in(patient) for _ in range(3)]
        answers = stream.answers()
    heard = patient.counters()["datagram_hello_unknown"] - before.get("datagram_hello_unknown", 0)
    print(f"{flood.line(heard)}; logins {[f'{each:.2f}' for each in took]} s; {answers}")
    assert flood.report["sent"] > LEAST
    assert flood.report["answers"] == {}
    assert flood.grown < GROWTH_KIB
    assert max(took) <= LOGIN
    assert answers.received >= answers.sent * 0.9
    assert not live.said("Dead Peer")


def test_with_a_live_app_id(patient: Field, live: Client, member: Member) -> None:
    """Who has seen an App-ID gets cookies for it, one a hello and none longer than it, and the session stands."""
    log_in(patient)
    member.datagrams.echo()
    session = patient.session(member.inside)
    before = patient.counters()
    with (
        pings(patient.topology.client, Topology.UPSTREAM_V4, count=140, interval=0.02) as stream,
        flooding(patient, member.datagrams.app_id) as flood,
    ):
        took = [log_in(patient) for _ in range(3)]
        answers = stream.answers()
    now = patient.counters()
    asked = now["datagram_cookie_asked"] - before.get("datagram_cookie_asked", 0)
    print(f"{flood.line(asked)}; logins {[f'{each:.2f}' for each in took]} s; {answers}")
    assert flood.report["sent"] > LEAST
    assert flood.report["answers"].keys() == {"cookie"}
    assert flood.report["answers"]["cookie"] <= asked
    assert flood.report["answered_bytes"] < flood.report["bytes"]
    assert now["datagram_handshake_ok"] == before["datagram_handshake_ok"]
    assert flood.grown < GROWTH_KIB
    assert max(took) <= LOGIN
    assert answers.received >= answers.sent * 0.9
    member.ping()
    after = patient.session(member.inside)
    assert (after["session"], after["datagram"]) == (session["session"], session["datagram"])
