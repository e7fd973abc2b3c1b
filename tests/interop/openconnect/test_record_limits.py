# SPDX-License-Identifier: GPL-3.0-or-later
"""No key protects more records than the settings allow, counted on the wire under real traffic of real clients: TLS 1.3
by KeyUpdate, DTLS 1.2 and TLS 1.2 by new handshakes. Half a minute, with the start of the gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field, short_patience
from tests.interop.openconnect.datagrams import connected
from tests.interop.record_tap import APPLICATION_DATA, KEY_UPDATE, Flow, Record, recorded
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

LIMIT = 512
PINGS = 3 * LIMIT
TLS12 = "NORMAL:-VERS-ALL:+VERS-TLS1.2"
TRIXIE, OPENSSL = Build(roots.TRIXIE, 4), Build(roots.OPENSSL, 4)


@pytest.fixture(scope="session")
def limited(make_gateway: Callable[..., Field]) -> Field:
    """The default profile, where the site allows few records under one key."""

    def edit(document: dict[str, Any]) -> None:
        short_patience("fips-hybrid")(document)
        document["sites"][0]["record_limit"] = LIMIT

    made = make_gateway(edit)
    made.add_user("alice")
    return made


def traffic(field: Field) -> None:
    """Some pings are lost while a client makes its connection anew; they are not the question here."""
    ping = f"ping -q -i 0.002 -c {PINGS} -W 1 {Topology.UPSTREAM_V4} || true"
    field.topology.client.run("sh", "-c", ping)


def flows_of(flows: dict[Flow, list[Record]], protocol: int) -> list[tuple[Flow, list[Record]]]:
    return [(flow, records) for flow, records in flows.items() if flow.protocol == protocol]


def test_tls13_renews_its_keys(limited: Field, clients: list[Client]) -> None:
    client = TRIXIE.client(limited, "alice", PASSWORD)
    clients.append(client)
    with recorded(limited.topology.client) as tap:
        client.connect()
        traffic(limited)
        client.stop()
    longest = max(flows_of(tap.flows(), socket.IPPROTO_TCP), key=lambda each: len(each[1]))[0]
    for flow in (longest, Flow(longest.protocol, longest.client_port, not longest.to_gateway)):
        records = [each for each in tap.flows()[flow] if each.content == APPLICATION_DATA]
        places = [place for place, record in enumerate(records) if record.length == KEY_UPDATE]
        assert len(records) > PINGS
        assert len(places) >= PINGS // LIMIT, "too few KeyUpdates"
        assert max(after - before for before, after in pairwise([0, *places, len(records)])) <= LIMIT
    assert limited.counters()["rekeyed"] >= PINGS // LIMIT


def test_dtls12_makes_new_handshakes(limited: Field, clients: list[Client]) -> None:
    with recorded(limited.topology.client) as tap:
        client, _ = connected(limited, OPENSSL, clients)
        traffic(limited)
        client.stop()
    numbers: dict[bool, list[int]] = {True: [], False: []}
    for flow, records in flows_of(tap.flows(), socket.IPPROTO_UDP):
        # records of epoch 1 are numbered in the clear: a number that falls back is another handshake's
        sealed = [record.number for record in records if record.epoch == 1]
        ends = [a for a, b in pairwise([*sealed, -1]) if b < a]
        numbers[flow.to_gateway] += ends
    for direction in numbers.values():
        assert len(direction) >= PINGS // LIMIT, "too few handshakes"
        # the handshake's own Finished counts along
        assert max(direction) <= LIMIT
    assert limited.counters()["datagram_rekeyed"] >= PINGS // LIMIT


def test_tls12_comes_back_for_a_new_handshake(limited: Field, clients: list[Client]) -> None:
    client = TRIXIE.client(limited, "alice", PASSWORD, options=(f"--gnutls-priority={TLS12}",))
    clients.append(client)
    with recorded(limited.topology.client) as tap:
        inside = client.connect()
        traffic(limited)
        assert limited.session(inside)["state"] == "connected"
        client.stop()
    carried = 0
    for _, records in flows_of(tap.flows(), socket.IPPROTO_TCP):
        data = sum(record.content == APPLICATION_DATA for record in records)
        assert data <= LIMIT
        carried += data > LIMIT // 2 - 10
    assert carried >= 4, "no two connections, with their two directions, were near the limit"
