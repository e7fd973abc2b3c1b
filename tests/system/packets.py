# SPDX-License-Identifier: GPL-3.0-or-later
"""IP packets as bytes, made and read by hand: what tests write into a TUN device and find on a wire."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Packet:
    """`protocol` is the next header of the first IP header; `payload` what follows."""

    source: str
    destination: str
    protocol: int
    payload: bytes

    @property
    def text(self) -> bytes:
        """Data of a UDP datagram."""
        assert self.protocol == socket.IPPROTO_UDP
        return self.payload[8:]

    @property
    def ports(self) -> tuple[int, int]:
        source, destination = struct.unpack_from("!HH", self.payload)
        return source, destination

    @property
    def icmp(self) -> tuple[int, int, int]:
        """Type, code, and the 32-bit field that follows the checksum (an MTU, for "too big")."""
        assert self.protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6)
        kind, code, _sum, rest = struct.unpack_from("!BBHI", self.payload)
        return kind, code, rest


def _sum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ip(source: Address, destination: Address, protocol: int, payload: bytes, fragment: bool) -> bytes:
    if source.version == 6:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return head + source.packed + destination.packed + payload
    flags = 0 if fragment else 0x4000
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, flags, 64, protocol, 0)
    head += source.packed + destination.packed
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + payload


def udp(
    source: str, destination: str, data: bytes, ports: tuple[int, int] = (4000, 4001), *, fragment: bool = True
) -> bytes:
    """A UDP datagram; not `fragment`: with "don't fragment" set (IPv4)."""
    from_, to = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    head = struct.pack("!HHHH", *ports, 8 + len(data), 0)
    pseudo = from_.packed + to.packed + struct.pack("!II", 8 + len(data), socket.IPPROTO_UDP)
    check = _sum(pseudo + head + data) or 0xFFFF
    payload = head[:6] + struct.pack("!H", check) + data
    return _ip(from_, to, socket.IPPROTO_UDP, payload, fragment)


def echo_request(source: str, destination: str) -> bytes:
    from_, to = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if from_.version == 4:
        message = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
        message = message[:2] + struct.pack("!H", _sum(message)) + message[4:]
        return _ip(from_, to, socket.IPPROTO_ICMP, message, True)
    message = struct.pack("!BBHHH", 128, 0, 0, 7, 1)
    pseudo = from_.packed + to.packed + struct.pack("!II", len(message), socket.IPPROTO_ICMPV6)
    message = message[:2] + struct.pack("!H", _sum(pseudo + message)) + message[4:]
    return _ip(from_, to, socket.IPPROTO_ICMPV6, message, True)


def read(data: bytes) -> Packet | None:
    """The packet, None when it is no IP."""
    if data and data[0] >> 4 == 4 and len(data) >= 20:
        head = (data[0] & 15) * 4
        source, destination = ipaddress.ip_address(data[12:16]), ipaddress.ip_address(data[16:20])
        return Packet(str(source), str(destination), data[9], data[head:])
    if data and data[0] >> 4 == 6 and len(data) >= 40:
        source, destination = ipaddress.ip_address(data[8:24]), ipaddress.ip_address(data[24:40])
        return Packet(str(source), str(destination), data[6], data[40:])
    return None
