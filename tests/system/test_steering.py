# SPDX-License-Identifier: GPL-3.0-or-later
"""Real datagrams and connections reach the socket that steering's reference names; the kernel runs the program.

client ── 203.0.113.0/24, 2001:db8:1::/64 ── gateway, a group of UDP and one of TCP sockets for each family
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from tests.interop.raw import inside
from tests.unit.linux.test_steering import NAMES_ITS_SLOT, hello
from wolfguard.linux import sockets, steering
from wolfguard.linux.namespace import Namespace, join

MEMBERS = 5
PORT = 443
GATEWAY = {4: "203.0.113.1", 6: "2001:db8:1::1"}
CLIENTS = {
    4: [f"203.0.113.{number}" for number in range(10, 26)],
    6: [f"2001:db8:1::{number:x}:7" for number in range(10, 26)],
}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
WAIT_MILLISECONDS = 10_000


def udp_group(version: int, members: int, code: bytes) -> list[socket.socket]:
    group = []
    for _ in range(members):
        sock = socket.socket(FAMILY[version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((GATEWAY[version], PORT))
        group.append(sock)
    steering.attach(group[0], code)
    return group


def tcp_group(version: int) -> list[socket.socket]:
    group = [sockets.tcp_listener(GATEWAY[version], PORT, shared=True) for _ in range(MEMBERS)]
    steering.attach(group[0], steering.program(steering.TCP, MEMBERS))
    return group


@dataclass
class Ground:
    gateway: Namespace
    client: Namespace
    udp: dict[int, list[socket.socket]]
    tcp: dict[int, list[socket.socket]]

    def send(self, source: str, datagram: bytes) -> int:
        """The place of the UDP socket where the datagram arrived."""
        version = ip_address(source).version
        with inside(self.client), socket.socket(FAMILY[version], socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            sock.sendto(datagram, (GATEWAY[version], PORT))
        return arrived(self.udp[version], lambda sock: _is(sock.recv(9000), datagram))

    def connect(self, source: str) -> int:
        """The place of the TCP socket that has the connection."""
        version = ip_address(source).version
        with inside(self.client):
            connection = socket.create_connection((GATEWAY[version], PORT), timeout=10, source_address=(source, 0))
        with connection:
            return arrived(self.tcp[version], lambda sock: sock.accept()[0].close())


def _is(found: bytes, expected: bytes) -> None:
    assert found == expected


def arrived(group: list[socket.socket], take: Callable[[socket.socket], None]) -> int:
    poll = select.poll()
    for sock in group:
        poll.register(sock, select.POLLIN)
    ready = poll.poll(WAIT_MILLISECONDS)
    places = [place for place, sock in enumerate(group) if sock.fileno() in dict(ready)]
    assert len(places) == 1
    take(group[places[0]])
    return places[0]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    gateway, client = (Namespace(f"wgsteer-{os.getpid()}-{role}") for role in ("gw", "cl"))
    made = Ground(gateway, client, {}, {})
    try:
        for namespace in (gateway, client):
            namespace.add()
        join(client, "eth0", gateway, "outside")
        gateway.address("outside", f"{GATEWAY[4]}/24", f"{GATEWAY[6]}/64")
        client.address("eth0", *(f"{each}/24" for each in CLIENTS[4]), *(f"{each}/64" for each in CLIENTS[6]))
        with inside(gateway):
            for version in GATEWAY:
                made.udp[version] = udp_group(version, MEMBERS, steering.program(steering.UDP, MEMBERS))
                made.tcp[version] = tcp_group(version)
        yield made
    finally:
        for group in [*made.udp.values(), *made.tcp.values()]:
            for sock in group:
                sock.close()
        for namespace in (gateway, client):
            namespace.delete()


def by_reference(datagram: bytes, source: str) -> int:
    return steering.slot_of(datagram, ip_address(source), MEMBERS)


@VERSIONS
def test_tcp_and_udp_of_an_address_meet_and_addresses_spread(ground: Ground, version: int) -> None:
    found = set()
    for source in CLIENTS[version]:
        slot = ground.connect(source)
        assert slot == by_reference(b"", source)
        assert {ground.send(source, datagram) for datagram in (b"x", b"\x17\xfe\xfd\0\1" + bytes(40))} == {slot}
        found.add(slot)
    assert found == set(range(MEMBERS))


@VERSIONS
@pytest.mark.parametrize("kind", NAMES_ITS_SLOT)
def test_a_datagram_reaches_the_slot_that_it_names(ground: Ground, version: int, kind: str) -> None:
    for source in CLIENTS[version][:4]:
        for slot in range(MEMBERS):
            assert ground.send(source, NAMES_ITS_SLOT[kind](slot)) == slot
        for beyond in (MEMBERS, 255):
            assert ground.send(source, NAMES_ITS_SLOT[kind](beyond)) == by_reference(b"", source)


@VERSIONS
@pytest.mark.parametrize("kind", NAMES_ITS_SLOT)
def test_a_short_datagram_goes_by_its_source(ground: Ground, version: int, kind: str) -> None:
    source = next(each for each in CLIENTS[version] if by_reference(b"", each) != 0)
    whole = NAMES_ITS_SLOT[kind](MEMBERS - 1)
    for length in [*range(3), *range(10, 14), *range(56, 63)]:
        datagram = whole[:length]
        assert ground.send(source, datagram) == by_reference(datagram, source)


@VERSIONS
def test_a_datagram_of_several_fragments(ground: Ground, version: int) -> None:
    """The program sees a datagram that came in fragments whole."""
    source = CLIENTS[version][0]
    for slot in range(MEMBERS):
        assert ground.send(source, hello(slot) + bytes(4000)) == slot


@VERSIONS
def test_offset_0_is_the_first_byte_after_the_udp_header(ground: Ground, version: int) -> None:
    """What all rules stand on, shown by a table that knows two bytes only."""
    table = (steering.Rule("any", (steering.Condition("a letter", 0, ord("w")),), slot_at=1),)
    first = ground.udp[version][0]
    steering.attach(first, steering.program(table, MEMBERS))
    try:
        for slot in range(MEMBERS):
            assert ground.send(CLIENTS[version][0], b"w" + bytes([slot])) == slot
    finally:
        steering.attach(first, steering.program(steering.UDP, MEMBERS))


@VERSIONS
def test_a_load_beyond_the_end_would_be_socket_0(ground: Ground, version: int) -> None:
    """Why rules ask for the length: this program is the table above without that question."""
    source = next(each for each in CLIENTS[version] if by_reference(b"", each) != 0)
    first = ground.udp[version][0]
    table = (steering.Rule("any", (), slot_at=9),)
    careless = steering.program(table, MEMBERS)[16:]
    steering.attach(first, careless)
    try:
        assert ground.send(source, b"123456789" + bytes([3])) == 3
        assert ground.send(source, b"123456789") == 0
    finally:
        steering.attach(first, steering.program(steering.UDP, MEMBERS))
