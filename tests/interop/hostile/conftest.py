# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway for tests that count to the last datagram: patient with silence, so that nobody speaks but
they.

Owns the fixtures of this folder and the comparing of counters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile.raw_datagrams import Member
from tests.interop.hostile.wire import Forger
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

# changes with every honest packet
TRAFFIC = (
    "rx_", "tx_", "tun_", "outside_", "datagrams_", "control_", "dpd_", "keepalive_", "accepted", "handshake_ok",
    "sign_ok", "tunnels_",
)  # fmt: skip
LIMIT = 5.0


class Counted:
    """What is counted beyond honest traffic, since it was made or asked last. With a kernel at the tunnel's other end
    `noise` is what its own addresses of the link are counted as."""

    def __init__(self, gateway: Field, noise: str = "") -> None:
        self.gateway = gateway
        self.noise = noise
        self.before = gateway.counters()

    def await_only(self, **expected: int) -> None:
        """Until these have grown by so much and no other has."""
        end = time.monotonic() + LIMIT
        while (grown := self.grown()) != expected:
            assert time.monotonic() < end, f"counted {grown}, not {expected}"
            time.sleep(0.02)
        self.before = self.gateway.counters()

    def grown(self) -> dict[str, int]:
        now = self.gateway.counters()
        grown = {name: value - self.before.get(name, 0) for name, value in now.items()}
        return {
            name: value
            for name, value in grown.items()
            if value and name != self.noise and not name.startswith(TRAFFIC)
        }


@pytest.fixture(scope="session")
def patient(make_gateway: Callable[..., Field]) -> Field:
    """Two workers, a profile that permits every build DTLS."""

    def edit(document: dict[str, Any]) -> None:
        site = document["sites"][0]
        site["crypto_profile"] = "compat"
        site["timeouts"] = {"dpd": 300}
        site["sessions_per_user"] = 100
        document["workers"] = 2
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    made = make_gateway(edit)
    made.add_user("alice")
    return made


@pytest.fixture
def member(patient: Field, tmp_path: Path) -> Iterator[Member]:
    made = Member.join(patient, tmp_path)
    yield made
    made.close()


@pytest.fixture
def live(patient: Field, clients: list[Client]) -> Client:
    """The machine's own openconnect with its tunnel on DTLS."""
    client = Client(
        patient.topology.client,
        f"https://{Topology.GATEWAY_V4}",
        patient.site.authority,
        "alice",
        (PASSWORD,),
        dtls=True,
    )
    clients.append(client)
    client.connect()
    client.wait_dtls()
    return client


@pytest.fixture
def forger(patient: Field) -> Iterator[Forger]:
    made = Forger(patient.topology.client)
    yield made
    made.close()
