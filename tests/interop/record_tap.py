# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS and DTLS records as they pass a device, counted without any key: what stands in their heads is enough.

Owns capture (a packet socket with a large buffer, read by a thread), the reassembly of TCP and the heads of records.
IPv4 and the gateway's port alone. A hole in what was captured is an error, never a smaller count.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.interop.raw import inside
from wolfguard.linux.namespace import Namespace

ETHERNET = 14
PORT = 443
ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
BUFFER = 64 << 20
APPLICATION_DATA = 23
TLS_HEAD, DTLS_HEAD = 5, 13
# A KeyUpdate (RFC 8446 section 4.6.3), its inner type and the tag; a frame of CSTP is longer, an alert shorter.
KEY_UPDATE = 5 + 1 + 16


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction between a client's port and the gateway."""

    protocol: int
    client_port: int
    to_gateway: bool


@dataclass(frozen=True, slots=True)
class Record:
    """`epoch` and `number` are of DTLS, else 0; `length` is that of the ciphertext."""

    content: int
    length: int
    epoch: int = 0
    number: int = 0


@dataclass
class RecordTap:
    frames: list[bytes] = field(default_factory=list)

    def flows(self) -> dict[Flow, list[Record]]:
        """Records of every flow, in the order of the wire. Raises ValueError where a part of TCP is missing."""
        datagrams: dict[Flow, list[bytes]] = {}
        segments: dict[Flow, dict[int, bytes]] = {}
        starts: dict[Flow, int] = {}
        for frame in self.frames:
            packet = frame[ETHERNET:]
            if frame[12:14] != b"\x08\x00" or packet[9] not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                continue
            upper = packet[(packet[0] & 0x0F) * 4 : int.from_bytes(packet[2:4], "big")]
            ports = int.from_bytes(upper[:2], "big"), int.from_bytes(upper[2:4], "big")
            if PORT not in ports:
                continue
            flow = Flow(packet[9], ports[0] if ports[1] == PORT else ports[1], ports[1] == PORT)
            if packet[9] == socket.IPPROTO_UDP:
                datagrams.setdefault(flow, []).append(upper[8:])
                continue
            sequence, syn = int.from_bytes(upper[4:8], "big"), upper[13] & 2
            if syn:
                starts[flow] = sequence + 1
                segments[flow] = {}
            elif payload := upper[(upper[12] >> 4) * 4 :]:
                offset = (sequence - starts[flow]) & 0xFFFFFFFF
                if len(payload) > len(segments[flow].get(offset, b"")):
                    segments[flow][offset] = payload
        found = {flow: list(_tls(_joined(parts))) for flow, parts in segments.items()}
        return found | {flow: list(_dtls(b"".join(parts))) for flow, parts in datagrams.items()}


def _joined(parts: dict[int, bytes]) -> bytes:
    stream = bytearray()
    for offset in sorted(parts):
        if offset > len(stream):
            raise ValueError(f"{offset - len(stream)} bytes of a stream were not captured")
        stream += parts[offset][len(stream) - offset :]
    return bytes(stream)


def _tls(stream: bytes) -> Iterator[Record]:
    at = 0
    while at + TLS_HEAD <= len(stream):
        length = int.from_bytes(stream[at + 3 : at + 5], "big")
        yield Record(stream[at], length)
        at += TLS_HEAD + length


def _dtls(datagrams: bytes) -> Iterator[Record]:
    at = 0
    while at + DTLS_HEAD <= len(datagrams):
        head = datagrams[at : at + DTLS_HEAD]
        length = int.from_bytes(head[11:13], "big")
        yield Record(head[0], length, int.from_bytes(head[3:5], "big"), int.from_bytes(head[5:11], "big"))
        at += DTLS_HEAD + length


@contextmanager
def recorded(namespace: Namespace, device: str = "eth0") -> Iterator[RecordTap]:
    """What passes until the block ends; `frames` are whole then."""
    with inside(namespace):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    tap.bind((device, ETH_P_ALL))
    tap.settimeout(0.2)
    ended = threading.Event()
    found = RecordTap()

    def hear() -> None:
        while True:
            try:
                found.frames.append(tap.recv(70000))
            except TimeoutError:
                if ended.is_set():
                    return

    thread = threading.Thread(target=hear)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        tap.close()
