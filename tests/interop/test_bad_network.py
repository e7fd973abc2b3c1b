# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that other tests put between client and gateway do what they say, without any gateway."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.interop.disturbance import Weather
from tests.interop.middlebox import PORT, Meter, rebound, silence
from tests.interop.raw import inside
from tests.interop.relay import Relay
from wolfguard.linux.namespace import Topology

OWN, OTHER = 40000, 41000
UDP_SEGMENT = 103
PATIENCE = 0.3


@dataclass(frozen=True)
class Path:
    """A socket at either end of a topology, whose server has nothing of a gateway but its port."""

    topology: Topology
    family: int
    client: socket.socket
    server: socket.socket

    def there(self, data: bytes = b"there") -> tuple[bytes, tuple[str, int]]:
        self.client.send(data)
        received, peer = self.server.recvfrom(65536)
        return received, peer[:2]

    def back(self, port: int, data: bytes = b"back") -> bytes:
        self.server.sendto(data, (self.address, port))
        return self.client.recv(65536)

    @property
    def address(self) -> str:
        return Topology.CLIENT_V4 if self.family == socket.AF_INET else Topology.CLIENT_V6


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    made = Topology.named(f"wgt{os.getpid()}-path")
    made.delete()
    made.add()
    yield made
    made.delete()


@pytest.fixture(scope="module")
def relay(topology: Topology) -> Iterator[Relay]:
    made = Relay.between(topology)
    made.start()
    yield made
    made.stop()


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def path(topology: Topology, relay: Relay, request: pytest.FixtureRequest) -> Iterator[Path]:
    family = request.param
    address = Topology.GATEWAY_V4 if family == socket.AF_INET else Topology.GATEWAY_V6
    with ExitStack() as stack:
        ends = []
        for namespace in (topology.client, topology.gateway):
            with inside(namespace):
                ends.append(stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)))
        client, server = ends
        server.bind((address, PORT))
        client.bind(("", OWN))
        client.connect((address, PORT))
        for each in ends:
            each.settimeout(PATIENCE)
        yield Path(topology, family, client, server)
        relay.weather()


def test_relay_keeps_addresses(path: Path) -> None:
    assert path.there() == (b"there", (path.address, OWN))
    assert path.back(OWN) == b"back"


def test_relay_sees_single_datagrams(path: Path, relay: Relay) -> None:
    """A batch that the kernel could pass on as one is lost or delayed datagram by datagram."""
    relay.up.counts.clear()
    path.client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
    path.client.send(bytes(3500))
    assert [len(path.server.recv(65536)) for _ in range(4)] == [1000, 1000, 1000, 500]
    assert relay.up.counts["datagrams"] == 4


def test_relay_loses_and_delays(path: Path, relay: Relay) -> None:
    relay.weather(Weather(silent=True))
    path.client.send(b"lost")
    with pytest.raises(TimeoutError):
        path.server.recv(100)
    relay.weather(Weather(delay=1.0))
    assert path.there()[0] == b"there"
    relay.weather(Weather(repeat=1.0))
    assert [path.there()[0], path.server.recv(100)] == [b"there", b"there"]


def test_relay_leaves_tcp_alone(path: Path, relay: Relay) -> None:
    relay.weather(Weather(silent=True))
    address = path.server.getsockname()[:2]
    with inside(path.topology.gateway), socket.create_server(address, family=path.family) as listener:
        with inside(path.topology.client):
            client = socket.create_connection(address, timeout=5)
        accepted, _ = listener.accept()
        with client, accepted:
            client.sendall(bytes(200_000))
            client.shutdown(socket.SHUT_WR)
            with accepted.makefile("rb") as stream:
                assert len(stream.read()) == 200_000


def test_silence(path: Path) -> None:
    with silence(path.topology):
        path.client.send(b"lost")
        with pytest.raises(TimeoutError):
            path.server.recv(100)
        with pytest.raises(TimeoutError):
            path.back(OWN)
    assert path.there()[0] == b"there"


def test_rebound_port(path: Path) -> None:
    with rebound(path.topology.client, OWN, OTHER):
        assert path.there() == (b"there", (path.address, OTHER))
        assert path.back(OTHER, bytes(1200)) == bytes(1200)
        with pytest.raises(TimeoutError):
            path.back(OWN)
    assert path.there() == (b"there", (path.address, OWN))


def test_meter(path: Path) -> None:
    head = 28 if path.family == socket.AF_INET else 48
    with Meter(path.topology.gateway) as meter:
        path.there(bytes(100))
        path.back(OWN, bytes(200))
        moved = meter.read()
    assert (moved.udp_in, moved.udp_out, moved.tcp_in, moved.tcp_out) == (100 + head, 200 + head, 0, 0)
