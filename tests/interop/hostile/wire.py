# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams of others on the wire: seen as they leave a client's namespace, and made by hand with any source, whole or
in fragments of any shape.

IPv4 alone, where a UDP datagram may be without a checksum (RFC 768), so that what is changed on its way needs no other
care. Must not know DTLS.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.interop.raw import inside
from wolfguard.linux.namespace import Namespace, Topology

PORT = 443
ETHERNET, IPV4, UDP = 14, 20, 8
ETH_P_ALL = 0x0003
MORE = 0x2000
# by which what a Forger sends is told from what it copies
TTL = 61
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A datagram and who sent it."""

    source: str
    port: int
    payload: bytes


class Tap:
    """Hears all UDP to the gateway's port that passes a device, but for what a Forger sends."""

    def __init__(self, namespace: Namespace, device: str = "eth0") -> None:
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((device, ETH_P_ALL))

    def await_one(self, wanted: Callable[[bytes], bool], limit: float = PATIENCE) -> Seen:
        """The next datagram whose payload is wanted. Raises TimeoutError."""
        end = time.monotonic() + limit
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            seen = read(self.socket.recv(65536))
            if seen is not None and wanted(seen.payload):
                return seen


def read(frame: bytes) -> Seen | None:
    packet = frame[ETHERNET:]
    if frame[12:14] != b"\x08\x00" or packet[9] != socket.IPPROTO_UDP or packet[8] == TTL:
        return None
    upper = packet[(packet[0] & 0x0F) * 4 :]
    if int.from_bytes(upper[2:4], "big") != PORT:
        return None
    length = int.from_bytes(upper[4:6], "big")
    return Seen(socket.inet_ntoa(packet[12:16]), int.from_bytes(upper[:2], "big"), upper[UDP:length])


@contextmanager
def tapped(namespace: Namespace, device: str = "eth0") -> Iterator[Tap]:
    tap = Tap(namespace, device)
    try:
        yield tap
    finally:
        tap.socket.close()


class Forger:
    """Sends to the gateway's port from addresses and ports that are not its own."""

    def __init__(self, namespace: Namespace, destination: str = Topology.GATEWAY_V4) -> None:
        self.destination = destination
        self._identification = 0
        with inside(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, payload: bytes, source: str, port: int) -> None:
        self.fragment(datagram(payload, port), [(0, None)], source)

    def fragment(self, whole: bytes, parts: list[tuple[int, int | None]], source: str) -> None:
        """A UDP header with its payload, as fragments from offset to end (None: the end of it all) in this order."""
        self._identification = self._identification % 0xFFFF + 1
        for start, end in parts:
            self.piece(whole[start:end], start, more=end is not None, source=source)

    def piece(self, content: bytes, start: int, *, more: bool, source: str) -> None:
        word = start // 8 | (MORE if more else 0)
        head = (
            b"\x45\x00"
            + (IPV4 + len(content)).to_bytes(2, "big")
            + self._identification.to_bytes(2, "big")
            + word.to_bytes(2, "big")
            + bytes([TTL, socket.IPPROTO_UDP, 0, 0])
            + socket.inet_aton(source)
            + socket.inet_aton(self.destination)
        )
        self.socket.sendto(head + content, (self.destination, 0))

    def close(self) -> None:
        self.socket.close()


def datagram(payload: bytes, port: int) -> bytes:
    return (
        port.to_bytes(2, "big") + PORT.to_bytes(2, "big") + (UDP + len(payload)).to_bytes(2, "big") + bytes(2) + payload
    )
