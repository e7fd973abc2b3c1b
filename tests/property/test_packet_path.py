# SPDX-License-Identifier: GPL-3.0-or-later
"""Any packets of a client, joined for the TUN and cut again as the kernel would, come out as they went in: byte for
byte, each flow in its order. The packets and their checksums are made here, independently of the C code under test.

Only an IPv4 identification under DF may differ, and the header checksum with it: it means nothing there (RFC 6864).
"""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "wolfguard" / "engine" / "native"
SOURCES = ("coalesce.c", "segment.c", "inner.c", "checksum.c")
TCP, UDP, ICMP = 6, 17, 1

RoundTrip = Callable[[list[bytes]], tuple[int, list[bytes]]]


@dataclass(frozen=True, slots=True)
class Packet:
    version: int
    protocol: int
    port: int
    payload: bytes
    sequence: int = 0
    acknowledgement: int = 0
    flags: int = 0x10
    window: int = 512
    options: bytes = b""
    traffic_class: int = 0
    ttl: int = 64
    identification: int = 0
    dont_fragment: bool = True
    damaged: bool = False

    def encode(self) -> bytes:
        source, destination = ("10.0.0.7", "192.0.2.1") if self.version == 4 else ("fd00::7", "2001:db8::1")
        addresses = ip_address(source).packed + ip_address(destination).packed
        upper = self.upper(addresses)
        if self.version == 6:
            return struct.pack("!IHBB", 6 << 28 | self.traffic_class << 20, len(upper), self.protocol, self.ttl) + (
                addresses + upper
            )
        head = struct.pack(
            "!BBHHHBBH",
            0x45,
            self.traffic_class,
            20 + len(upper),
            self.identification,
            0x4000 * self.dont_fragment,
            self.ttl,
            self.protocol,
            0,
        )
        checksum = struct.pack("!H", 0xFFFF - ones_complement(head + addresses))
        return head[:10] + checksum + addresses + upper

    def upper(self, addresses: bytes) -> bytes:
        if self.protocol == ICMP:
            return self.payload
        if self.protocol == TCP:
            place = 16
            offset = (20 + len(self.options)) // 4 << 4
            head = struct.pack(
                "!HHIIBBHHH", self.port, 443, self.sequence, self.acknowledgement, offset, self.flags, self.window, 0, 0
            )
        else:
            place = 6
            head = struct.pack("!HHHH", self.port, 443, 8 + len(self.payload), 0)
        body = head + (self.options if self.protocol == TCP else b"") + self.payload
        pseudo = addresses + struct.pack("!IxxxB", len(body), self.protocol)
        checksum = (0xFFFF - ones_complement(pseudo + body)) or (0xFFFF if self.protocol == UDP else 0)
        return body[:place] + struct.pack("!H", checksum ^ self.damaged) + body[place + 2 :]

    def following(self) -> Packet:
        return replace(
            self,
            sequence=(self.sequence + len(self.payload)) % 2**32,
            identification=(self.identification + 1) % 2**16,
        )


def ones_complement(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.fixture(scope="module")
def round_trip(tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    library = tmp_path_factory.mktemp("packet_path") / "packet_path.so"
    compiler = shutil.which("cc")
    assert compiler is not None, "the C compiler that builds the engine builds this test too"
    sources = [str(HERE / "packet_path.c"), *(str(NATIVE / name) for name in SOURCES)]
    command = [compiler, "-std=gnu11", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", f"-I{NATIVE}", "-o", str(library)]
    subprocess.run([*command, *sources], check=True)
    function = ctypes.CDLL(str(library)).round_trip
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
    function.restype = ctypes.c_int

    def call(packets: list[bytes]) -> tuple[int, list[bytes]]:
        joined = b"".join(struct.pack("!H", len(packet)) + packet for packet in packets)
        out = ctypes.create_string_buffer(len(joined) + 1)
        length = ctypes.c_size_t()
        writes = function(joined, len(joined), out, len(joined), ctypes.byref(length))
        return writes, split(out.raw[: length.value])

    return call


def split(data: bytes) -> list[bytes]:
    packets = []
    while data:
        (length,) = struct.unpack_from("!H", data)
        packets.append(data[2 : 2 + length])
        data = data[2 + length :]
    return packets


def comparable(packet: bytes) -> bytes:
    """The packet without what may differ; the header checksum is checked instead."""
    if packet[0] >> 4 == 6 or not packet[6] & 0x40:
        return packet
    assert ones_complement(packet[:20]) == 0xFFFF
    return packet[:4] + packet[6:10] + packet[12:]


def by_flow(packets: list[bytes]) -> dict[bytes, list[bytes]]:
    flows: dict[bytes, list[bytes]] = defaultdict(list)
    for packet in packets:
        ip = 20 if packet[0] >> 4 == 4 else 40
        protocol = packet[9 if ip == 20 else 6]
        ports = packet[ip : ip + 4] if protocol in (TCP, UDP) else b""
        flows[bytes([ip, protocol]) + ports].append(comparable(packet))
    return flows


FLOWS = st.builds(
    Packet,
    version=st.sampled_from((4, 6)),
    protocol=st.sampled_from((TCP, TCP, UDP, ICMP)),
    port=st.integers(1, 3),
    payload=st.integers(0, 200).map(bytes),
    sequence=st.integers(0, 2**32 - 1),
    identification=st.integers(0, 2**16 - 1),
    options=st.sampled_from((b"", bytes(12), bytes(40))),
    dont_fragment=st.booleans(),
)
CHANGES = st.one_of(
    st.just({}),
    st.just({}),
    st.just({}),
    st.fixed_dictionaries({"flags": st.sampled_from((0x18, 0x11, 0x90, 0x50, 0x12, 0x14, 0x30, 0x00))}),
    st.fixed_dictionaries({"payload": st.binary(max_size=220)}),
    st.fixed_dictionaries({"sequence": st.integers(0, 2**32 - 1)}),
    st.fixed_dictionaries({"identification": st.integers(0, 3)}),
    st.fixed_dictionaries({"traffic_class": st.integers(0, 255)}),
    st.fixed_dictionaries({"ttl": st.integers(0, 255)}),
    st.fixed_dictionaries({"window": st.integers(0, 65535)}),
    st.fixed_dictionaries({"acknowledgement": st.integers(0, 2**32 - 1)}),
    st.fixed_dictionaries({"damaged": st.just(value=True)}),
)


@st.composite
def batches(draw: st.DrawFn) -> list[bytes]:
    flows = draw(st.lists(FLOWS, min_size=1, max_size=4))
    packets = []
    for number, changes in draw(st.lists(st.tuples(st.integers(0, 3), CHANGES), max_size=60)):
        place = number % len(flows)
        packet = replace(flows[place], **changes)
        packets.append(packet.encode())
        flows[place] = replace(packet, flags=0x10, damaged=False).following()
    return packets


@given(packets=batches())
@settings(max_examples=400)
def test_packets_come_out_as_they_went_in(round_trip: RoundTrip, packets: list[bytes]) -> None:
    writes, came_out = round_trip(packets)
    assert 0 <= writes <= len(packets)
    assert by_flow(came_out) == by_flow(packets)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_steady_flow_is_one_write(round_trip: RoundTrip, version: int, protocol: int) -> None:
    packet = Packet(version, protocol, 1, bytes(1000))
    packets = []
    for _ in range(50):
        packets.append(packet.encode())
        packet = packet.following()
    writes, came_out = round_trip(packets)
    assert writes == 1
    assert came_out == packets
