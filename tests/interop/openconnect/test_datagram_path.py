# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path does to datagrams, and what becomes of a tunnel on it: lost for a while, from another port, in bad order.

Two builds stand for all, one a library: over IPv4 the GnuTLS one, over IPv6 the OpenSSL one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field, short_patience
from tests.interop.disturbance import Weather
from tests.interop.middlebox import Meter, rebound, silence
from tests.interop.openconnect.datagrams import RECONNECTED, SAID, await_datagram, connected
from tests.interop.pings import pings
from tests.interop.relay import Relay
from wolfguard.cli.demo.client import Client, ClientError
from wolfguard.cli.demo.traffic import iperf_server, ping, transfer
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

MOVED = 2_000_000
OPENSSL = Build(roots.OPENSSL, 6)
BUILDS = [Build(roots.SID, 4), OPENSSL]
EVERY = [Build(root, 4) for root in roots.CLIENTS]


def named(build: Build) -> str:
    return f"{build.root.name}-ipv{build.family}"


@pytest.fixture(scope="module")
def renewing(make_gateway: Callable[..., Field]) -> Field:
    """A gateway whose keys last two seconds."""
    made = make_gateway(short_patience("compat", rekey=2))
    made.add_user("alice")
    return made


@pytest.mark.parametrize("each", EVERY, ids=named)
def test_keys_are_renewed_under_traffic(renewing: Field, each: Build, clients: list[Client]) -> None:
    """Renewal is a new handshake; packets go over TLS meanwhile. The one under way may be lost with the old keys.

    OpenSSL builds may make their TLS connection anew as well: they leave the alert that ended DTLS in their library's
    queue of errors, where a read of TLS takes it for its own unless a write of DTLS has found it first.
    """
    client, inside = connected(renewing, each, clients)
    number = renewing.session(inside)["session"]
    with pings(renewing.topology.client, Topology.UPSTREAM_V4, count=500, interval=0.01) as stream:
        answers = stream.answers()
    renewed = 0
    try:
        while client.wait_dtls(limit=1) in SAID:
            renewed += 1
    except ClientError:
        assert renewed >= 2
    print(f"{each.root.name}: {renewed} renewals, {answers.lost} of {answers.sent} pings lost, gap {answers.gap:.3f} s")
    assert answers.lost <= renewed
    assert renewing.session(inside)["session"] == number
    assert each.root is roots.OPENSSL or not client.said(RECONNECTED)


@pytest.mark.parametrize("build", BUILDS, ids=named)
def test_lost_and_regained(permitting: Field, build: Build, clients: list[Client]) -> None:
    client, inside = connected(permitting, build, clients)
    number = permitting.session(inside)["session"]
    await_datagram(permitting, inside, up=True)
    with silence(permitting.topology):
        client.wait_for("DTLS Dead Peer Detection detected dead peer")
        with Meter(permitting.topology.gateway) as meter:
            ping(permitting.topology.client, Topology.UPSTREAM_V4, size=1000)
            ping(permitting.topology.upstream, inside, size=1000)
            assert meter.read().tcp_in > 10_000
        await_datagram(permitting, inside, up=False)
    # the client's handshake is still under way and its next try arrives
    assert client.wait_dtls() in SAID
    with Meter(permitting.topology.gateway) as meter:
        ping(permitting.topology.client, Topology.UPSTREAM_V4, size=1000)
        ping(permitting.topology.upstream, inside, size=1000)
        assert meter.read().udp_out > 10_000
    assert permitting.session(inside)["session"] == number
    assert not client.said(RECONNECTED)


def test_regained_after_long(hybrid: Field, clients: list[Client]) -> None:
    """Where no datagram passes from the start, the client gives up after 12 s and tries again every 60 s, which no
    option shortens: one build waits for it."""
    client = OPENSSL.client(hybrid, "alice", PASSWORD, dtls=True)
    clients.append(client)
    with silence(hybrid.topology):
        client.connect(limit=30)
        ping(hybrid.topology.client, Topology.UPSTREAM_V4)
    assert client.wait_dtls(limit=160) in SAID
    with Meter(hybrid.topology.gateway) as meter:
        ping(hybrid.topology.client, Topology.UPSTREAM_V4, size=1000)
        assert meter.read().udp_out > 5000


@pytest.mark.parametrize("build", BUILDS, ids=named)
def test_port_rebound(permitting: Field, build: Build, clients: list[Client]) -> None:
    """Without connection IDs the gateway knows its client again by address and key, and answers to the new port."""
    client, inside = connected(permitting, build, clients, options=("--dtls-local-port=40000",))
    number = permitting.session(inside)["session"]
    with pings(permitting.topology.client, Topology.UPSTREAM_V4, count=150) as stream:
        stream.await_answers(25)
        with rebound(permitting.topology.client, 40000, 41000):
            answers = stream.answers()
            with Meter(permitting.topology.gateway) as meter:
                ping(permitting.topology.client, Topology.UPSTREAM_V4, size=1000)
                assert meter.read().udp_out > 5000
    print(f"{build.root.name}: {answers.lost} of {answers.sent} pings lost, longest gap {answers.gap:.3f} s")
    assert answers.gap < 1.5
    assert permitting.session(inside)["session"] == number
    assert not client.said(RECONNECTED)


@pytest.fixture(scope="module")
def stormy(make_gateway: Callable[..., Field]) -> Iterator[tuple[Field, Relay]]:
    """A gateway behind a bad network."""
    relays: list[Relay] = []
    made = make_gateway(short_patience("compat"), lambda topology: relays.append(Relay.between(topology)))
    made.add_user("alice")
    relay = relays[0]
    relay.start()
    yield made, relay
    relay.stop()


@pytest.mark.parametrize("each", BUILDS, ids=named)
@pytest.mark.parametrize(
    ("weather", "least"),
    [
        (Weather(loss=0.01), 40),
        (Weather(loss=0.05), 30),
        (Weather(delay=0.05, repeat=0.05), 50),
    ],
    ids=["loss-1", "loss-5", "disorder"],
)
def test_bad_weather(
    stormy: tuple[Field, Relay], each: Build, clients: list[Client], weather: Weather, least: int
) -> None:
    """The handshake, pings and TCP inside the tunnel get through; nothing comes out of it twice."""
    field, relay = stormy
    relay.weather(weather)
    try:
        connected(field, each, clients)
        before = relay.counts()
        with pings(field.topology.client, Topology.UPSTREAM_V4, count=50) as stream:
            answers = stream.answers()
        with iperf_server(field.topology.upstream):
            up = transfer(field.topology.client, Topology.UPSTREAM_V4, size=MOVED, down=False)
            down = transfer(field.topology.client, Topology.UPSTREAM_V6, size=MOVED, down=True)
        met = relay.counts() - before
    finally:
        relay.weather()
    print(f"{each.root.name}: {answers}, {up.gigabits:.2f} Gbit/s up, {down.gigabits:.2f} down, {dict(met)}")
    assert answers.received >= least
    assert answers.repeated == 0
    # what a sender still holds when it has sent all is not counted
    assert min(up.bytes, down.bytes) > MOVED // 20
    assert met["datagrams"] > (up.bytes + down.bytes) // 1400
    assert met["lost"] > 0 or met["delayed"] > 0 < met["repeated"]


@pytest.mark.parametrize("each", BUILDS, ids=named)
@pytest.mark.parametrize(("up", "down"), [(0, -1), (1, -1), (2, -1), (-1, 0), (-1, 1), (-1, 2)])
def test_lost_handshake_message(
    stormy: tuple[Field, Relay], each: Build, clients: list[Client], up: int, down: int
) -> None:
    """One datagram of the handshake is lost. GnuTLS builds repeat nothing once they have a part of an answer, so that
    it is for the gateway to say it again."""
    field, relay = stormy
    relay.weather(Weather(lose=frozenset({up})), Weather(lose=frozenset({down})))
    try:
        connected(field, each, clients)
    finally:
        relay.weather()
    ping(field.topology.client, Topology.UPSTREAM_V4)
