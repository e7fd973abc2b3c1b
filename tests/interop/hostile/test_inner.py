# SPDX-License-Identifier: GPL-3.0-or-later
"""A client with a good login and bad packets: each is counted by its name and ends there, and a neighbour's tunnel does
not notice. What is odd but lawful arrives as it was sent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.interop.hostile import hellos
from tests.interop.hostile.conftest import Counted
from tests.interop.hostile.inner import ICMP, MORE, RESERVED, echo_request, ipv4, ipv6, udp
from tests.interop.hostile.raw_datagrams import Member
from tests.interop.hostile.wire import ETHERNET
from tests.interop.raw import inside
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

TO, TO6 = Topology.UPSTREAM_V4, Topology.UPSTREAM_V6
TCP, HOP_BY_HOP, ROUTING, FRAGMENT = 6, 0, 43, 44
NEIGHBOUR = "203.0.113.78"
MTU_FLOOR = 1500
NONE = "0.0.0.0"  # noqa: S104 - as a source


@pytest.fixture
def neighbour(patient: Field, tmp_path: Path) -> Iterator[Member]:
    """From another address, whichever worker that leads to."""
    patient.topology.client.run("ip", "address", "replace", f"{NEIGHBOUR}/24", "dev", "eth0")
    made = Member.join(patient, tmp_path, source=NEIGHBOUR)
    yield made
    made.close()


def malformed(own: str, own6: str) -> dict[str, bytes]:
    good = ipv4(own, TO, udp())
    return {
        "nothing": b"",
        "zeros": bytes(40),
        "version-5": b"\x55" + good[1:],
        "half-a-header": good[:10],
        "total-short": ipv4(own, TO, udp(), total=27),
        "total-long": ipv4(own, TO, udp(), total=29),
        "total-0": ipv4(own, TO, udp(), total=0),
        "total-65535": ipv4(own, TO, udp(), total=65535),
        "header-short": ipv4(own, TO, udp(), words=4),
        "header-beyond": ipv4(own, TO, udp(), words=15),
        "reserved-flag": ipv4(own, TO, udp(), word=RESERVED),
        "fragment-of-7": ipv4(own, TO, bytes(7), word=MORE),
        "fragment-beyond": ipv4(own, TO, bytes(16), word=0x1FFF),
        "fragment-empty": ipv4(own, TO, b"", word=MORE),
        "loose-route": ipv4(own, TO, udp(), options=b"\x83\x07\x04\xc6\x33\x64\x02\x00"),
        "strict-route": ipv4(own, TO, udp(), options=b"\x89\x07\x04\xc6\x33\x64\x02\x00"),
        "option-of-0": ipv4(own, TO, udp(), options=b"\x94\x00\x00\x00"),
        "option-of-1": ipv4(own, TO, udp(), options=b"\x94\x01\x00\x00"),
        "option-beyond": ipv4(own, TO, udp(), options=b"\x94\x05\x00\x00"),
        "ipv6-short": ipv6(own6, TO6, udp(), length=7),
        "ipv6-long": ipv6(own6, TO6, udp(), length=9),
        "ipv6-0": ipv6(own6, TO6, udp(), length=0),
        "ipv6-half": ipv6(own6, TO6, b"")[:30],
        "ipv6-hop-beyond": ipv6(own6, TO6, bytes([17, 200]) + bytes(6), following=HOP_BY_HOP),
        "ipv6-hop-cut": ipv6(own6, TO6, bytes([17, 0, 0]), following=HOP_BY_HOP),
        "ipv6-hop-second": ipv6(own6, TO6, bytes([HOP_BY_HOP]) + bytes(15), following=60),
        "ipv6-routing-0": ipv6(own6, TO6, bytes([17, 0, 0, 1, 0, 0, 0, 0]) + udp(), following=ROUTING),
        "ipv6-chain": ipv6(own6, TO6, bytes([60, 0, 0, 0, 0, 0, 0, 0]) * 9, following=60),
        "ipv6-fragment-beyond": ipv6(own6, TO6, bytes([17, 0, 0xFF, 0xF8]) + bytes(20), following=FRAGMENT),
    }


def spoofed(neighbour: str, neighbour6: str) -> dict[str, bytes]:
    sources = (neighbour, TO, Topology.GATEWAY_V4, "127.0.0.1", NONE, "224.0.0.1", "255.255.255.255")
    sources6 = (neighbour6, TO6, "::", "::1", "fe80::1", "ff02::1", f"::ffff:{TO}")
    return {
        **{each: ipv4(each, TO, udp()) for each in sources},
        **{each: ipv6(each, TO6, udp()) for each in sources6},
    }


def test_drops_by_name(patient: Field, member: Member, neighbour: Member) -> None:
    """All of a kind grow one counter and no other, with a neighbour's ping after each."""
    own = malformed(member.inside, member.inside6)
    foreign = spoofed(neighbour.inside, neighbour.inside6)
    long = {
        "one-over": ipv4(member.inside, TO, bytes(MTU_FLOOR + 1 - 20)),
        "one-over-ipv6": ipv6(member.inside6, TO6, bytes(MTU_FLOOR + 1 - 40)),
    }
    for packets, counter in ((own, "drop_inner_malformed"), (foreign, "drop_inner_source"), (long, "drop_inner_mtu")):
        counted = Counted(patient)
        for number, packet in enumerate(packets.values()):
            member.datagrams.send(b"\x00" + packet)
            neighbour.ping(number)
        member.ping()
        counted.await_only(**{counter: len(packets)})


def test_all_at_once(patient: Field, member: Member, neighbour: Member) -> None:
    """In one batch with good packets before and after each, whose order and bytes stay."""
    bad = [*malformed(member.inside, member.inside6).values(), *spoofed(neighbour.inside, neighbour.inside6).values()]
    with arriving(patient) as tap:
        for number, packet in enumerate(bad):
            good = ipv4(member.inside, TO, udp(number.to_bytes(2, "big") * 50))
            member.datagrams.socket.send(
                member.datagrams.seal(b"\x00" + packet) + member.datagrams.seal(b"\x00" + good)
            )  # fmt: skip
        arrived = [await_packet(tap, member.inside) for _ in bad]
    assert [packet[28:] for packet in arrived] == [number.to_bytes(2, "big") * 50 for number in range(len(bad))]
    neighbour.ping()
    member.ping()


@pytest.mark.parametrize(
    ("frame", "counter"),
    [(bytes([99]) + bytes(30), "drop_frame_type"), (b"\x08" + bytes(30), "drop_frame_compressed")],
    ids=["type", "compressed"],
)
def test_frames(patient: Field, member: Member, frame: bytes, counter: str) -> None:
    counted = Counted(patient)
    member.datagrams.send(frame)
    member.datagrams.echo()
    counted.await_only(**{counter: 1})


def test_record_longer_than_any(patient: Field, member: Member, neighbour: Member) -> None:
    """What no tunnel's MTU asks for is not even opened."""
    counted = Counted(patient)
    for size in (4000, 16000, 40000):
        member.datagrams.send(b"\x00" + ipv4(member.inside, TO, bytes(size)))
        neighbour.ping()
    member.datagrams.echo()
    assert sum(counted.grown().values()) >= 3


@pytest.mark.parametrize(
    "kind",
    [hellos.CHANGE_CIPHER_SPEC, hellos.ALERT, hellos.HANDSHAKE, 24, 99],
    ids=["ccs", "alert", "message", "24", "99"],
)
def test_sealed_nonsense(patient: Field, member: Member, neighbour: Member, kind: int) -> None:
    """With good keys a client may end its own datagrams; its session and others' stay."""
    number = patient.session(member.inside)["session"]
    for content in (b"", b"\x01", b"\xff" * 3, bytes(30)):
        member.datagrams.send(b"\x03")
        member.datagrams.socket.send(member.datagrams.seal(content, kind=kind))
        neighbour.ping()
    assert patient.session(member.inside)["session"] == number


def test_lawful_oddities(patient: Field, member: Member) -> None:
    """Options, lengths of others' layers and fragments are the receiver's matter."""
    odd = [
        ipv4(member.inside, TO, udp(b"options"), options=b"\x01\x01\x94\x04\x00\x00\x01\x00"),
        ipv4(member.inside, TO, udp(b"plain")),
        ipv4(member.inside, TO, udp(b"x" * 100), protocol=253),
        ipv4(member.inside, TO, udp(b"last")),
    ]
    with arriving(patient) as tap:
        for packet in odd:
            member.datagrams.send(b"\x00" + packet)
        for packet in odd:
            header = (packet[0] & 0x0F) * 4
            arrived = await_packet(tap, member.inside)
            assert arrived[header:] == packet[header:]
            assert arrived[20:header] == packet[20:header]


def test_packet_in_fragments(member: Member) -> None:
    """A ping whose request goes up in two packets, the last one first."""
    request = echo_request(77, bytes(1200))
    later = ipv4(member.inside, TO, request[800:], protocol=ICMP, word=100)
    first = ipv4(member.inside, TO, request[:800], protocol=ICMP, word=MORE)
    for packet in (later, first):
        member.datagrams.send(b"\x00" + packet)
    kind, frame = member.datagrams.receive()
    assert kind == hellos.DATA
    assert frame[1 + 20 :][:2] == b"\x00\x00"
    assert len(frame) == 1 + 20 + len(request)


def arriving(gateway: Field) -> socket.socket:
    with inside(gateway.topology.upstream):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    made.bind(("eth0", 0x0800))
    made.settimeout(5)
    return made


def await_packet(tap: socket.socket, source: str) -> bytes:
    """The next one from this address, without what Ethernet has added to its end."""
    while True:
        packet = tap.recv(65536)[ETHERNET:]
        if packet[12:16] == socket.inet_aton(source):
            return packet[: int.from_bytes(packet[2:4], "big")]
