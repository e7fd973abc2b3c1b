# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels over DTLS with every client build: they come up, carry all traffic, and end or come back with their session.

GnuTLS builds do not offer the extended master secret and have DTLS under `compat` alone; the OpenSSL build has it under
the default profile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field, short_patience
from tests.interop.middlebox import Meter
from tests.interop.openconnect.datagrams import (
    ANSWERED,
    RECONNECTED,
    SAID,
    SUITE,
    await_datagram,
    connected,
    cut_tls,
)
from tests.interop.status import DATAGRAM_NO_EMS, DATAGRAMS_IN, DATAGRAMS_OUT
from wolfguard.cli.demo.client import DATAGRAMS, ROUTED, Client, ClientError
from wolfguard.cli.demo.traffic import iperf_server, ping, transfer
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

GNUTLS = [Build(root, family) for root in (roots.BOOKWORM, roots.TRIXIE, roots.SID) for family in (4, 6)]
EVERY = [Build(root, 4) for root in roots.CLIENTS]
MTU = 1400
MOVED = 20_000_000
# without the alert the client would say nothing over TLS for twelve seconds
FIRST_PING = 6.0


def test_comes_up(permitting: Field, build: Build, clients: list[Client]) -> None:
    _, inside = connected(permitting, build, clients)
    facts = await_datagram(permitting, inside, up=True)
    assert facts is not None
    assert facts["version"] == "DTLS 1.2"
    assert facts["suite"] == SUITE
    assert facts["extended_master_secret"] is (build.root is roots.OPENSSL)
    assert facts["approved"] is (build.root is roots.OPENSSL)


def test_traffic_both_ways(permitting: Field, build: Build, clients: list[Client]) -> None:
    """All of it goes in datagrams, as the kernel's counters and the gateway's own say."""
    _, inside = connected(permitting, build, clients)
    client, upstream = permitting.topology.client, permitting.topology.upstream
    await_datagram(permitting, inside, up=True)
    before = permitting.counters()
    moved = {False: 0, True: 0}
    with Meter(permitting.topology.gateway) as meter, iperf_server(upstream):
        # first, since what a transfer leaves in queues may cost a packet: nothing holds a sender of datagrams back
        for address in (Topology.UPSTREAM_V4, Topology.UPSTREAM_V6):
            ping(client, address)
            ping(client, address, size=1300)
        ping(upstream, inside)
        for address in (Topology.UPSTREAM_V4, Topology.UPSTREAM_V6):
            for down in moved:
                moved[down] += transfer(client, address, size=MOVED, down=down).bytes
        wire = meter.read()
    after = permitting.counters()
    assert min(moved.values()) > MOVED
    assert wire.udp_in > moved[False]
    assert wire.udp_out > moved[True]
    # liveness alone
    assert wire.tcp_in + wire.tcp_out < 100_000
    assert after[DATAGRAMS_IN] - before.get(DATAGRAMS_IN, 0) > moved[False] // MTU
    assert after[DATAGRAMS_OUT] - before.get(DATAGRAMS_OUT, 0) > moved[True] // MTU


@pytest.mark.parametrize("gnutls", GNUTLS, ids=lambda each: f"{each.root.name}-ipv{each.family}")
def test_refused_without_extended_master_secret(hybrid: Field, gnutls: Build, clients: list[Client]) -> None:
    """The refusal is an alert, so that the client goes on over TLS at once."""
    before = hybrid.counters().get(DATAGRAM_NO_EMS, 0)
    client = gnutls.client(hybrid, "alice", PASSWORD, dtls=True)
    clients.append(client)
    client.start()
    client.wait_for(ANSWERED)
    begun = time.monotonic()
    client.wait_for(r"DTLS handshake failed: A TLS fatal alert has been received")
    inside = client.wait_for(r"Configured as (\S+?)(?:,| )").group(1)
    client.wait_for(ROUTED)
    ping(hybrid.topology.client, Topology.UPSTREAM_V4, count=1)
    took = time.monotonic() - begun
    print(f"{gnutls.root.name}: first ping over TLS {took:.2f} s after CONNECT")
    assert took < FIRST_PING, client.tail(60)
    assert hybrid.counters()[DATAGRAM_NO_EMS] > before
    assert hybrid.session(inside)["datagram"] is None
    assert hybrid.recorded(DATAGRAM_NO_EMS)


def test_reconnect_after_cut(permitting: Field, build: Build, clients: list[Client]) -> None:
    """DTLS comes back too, with the OpenSSL build by the key of its first TLS connection, which it uses to the end."""
    client, inside = connected(permitting, build, clients)
    number = permitting.session(inside)["session"]
    for _ in range(2):
        cut_tls(permitting)
        client.wait_for(ANSWERED)
        client.wait_for(RECONNECTED)
        assert client.wait_dtls() in SAID
        with Meter(permitting.topology.gateway) as meter:
            ping(permitting.topology.client, Topology.UPSTREAM_V4, size=1000)
            assert meter.read().udp_in > 5000
        assert permitting.session(inside)["session"] == number
        assert await_datagram(permitting, inside, up=True) is not None


def test_server_side_disconnect(permitting: Field, build: Build, clients: list[Client]) -> None:
    client, inside = connected(permitting, build, clients)
    result = permitting.site.wolfguard("disconnect", str(permitting.session(inside)["session"]))
    assert result.returncode == 0, result.stderr
    client.wait_end()
    sessions = json.loads(permitting.site.wolfguard("sessions", "--json").stdout)["sessions"]
    assert inside not in [each["ipv4"] for each in sessions]


def test_reload_in_mid_session(permitting: Field, build: Build, clients: list[Client]) -> None:
    client, inside = connected(permitting, build, clients)
    result = permitting.site.wolfguard("reload", "--json")
    assert result.returncode == 0, result.stderr
    ping(permitting.topology.client, Topology.UPSTREAM_V4)
    assert permitting.session(inside)["datagram"] is not None
    with pytest.raises(ClientError, match="did not say"):
        client.wait_dtls(limit=0)
    assert not client.said(RECONNECTED)


@pytest.fixture(scope="session")
def brief_datagrams(make_gateway: Callable[..., Field]) -> Field:
    """A gateway whose sessions last four seconds."""
    made = make_gateway(short_patience("compat", session=4))
    made.add_user("alice")
    return made


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.root.name)
def test_session_timeout(brief_datagrams: Field, each: Build, clients: list[Client]) -> None:
    client, _ = connected(brief_datagrams, each, clients)
    client.wait_end(limit=15)
    assert len([line for line in client.output if DATAGRAMS.search(line)]) == 1
    assert json.loads(brief_datagrams.site.wolfguard("sessions", "--json").stdout)["sessions"] == []
