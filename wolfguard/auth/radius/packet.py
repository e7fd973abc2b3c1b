# SPDX-License-Identifier: GPL-3.0-or-later
"""A RADIUS packet as bytes and as code, number and attributes (RFC 2865 section 3, RFC 9765 section 4.1).

Owns the layout and its bounds. What attributes mean is `attributes` and the dictionary; what proves a packet is
`protection`. The 16 bytes after the length are the authenticator of historic RADIUS, or token and zeros in RADIUS/1.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from wolfguard.errors import LocalError, PeerError

ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
ACCESS_CHALLENGE: Final = 11
STATUS_SERVER: Final = 12
DISCONNECT_REQUEST: Final = 40
DISCONNECT_ACK: Final = 41
DISCONNECT_NAK: Final = 42
COA_REQUEST: Final = 43
COA_ACK: Final = 44
COA_NAK: Final = 45
PROTOCOL_ERROR: Final = 52

HEADER: Final = 20
LENGTH_MAX: Final = 4096
VALUE_MAX: Final = 253
ATTRIBUTES_MAX: Final = 256
_HEAD: Final = struct.Struct("!BBH16s")

Attributes = tuple[tuple[int, bytes], ...]
"""(type, value) pairs in the order of the packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`number` is the identifier (0 in RADIUS/1.1), `authenticator` the 16 bytes after the length. Attributes may hold
    secrets, so no repr shows them."""

    code: int
    number: int
    authenticator: bytes = field(repr=False)
    attributes: Attributes = field(repr=False)

    def all(self, kind: int) -> tuple[bytes, ...]:
        """The values of every attribute of this type."""
        return tuple(value for number, value in self.attributes if number == kind)


def encode(packet: Packet) -> bytes:
    """The packet's bytes. Raises LocalError for what does not fit: 253 bytes a value, 4096 a packet."""
    parts = []
    for kind, value in packet.attributes:
        if not 1 <= kind <= 255 or len(value) > VALUE_MAX:
            raise LocalError(f"a RADIUS attribute of type {kind} and {len(value)} bytes does not fit into a packet")
        parts.append(bytes((kind, len(value) + 2)) + value)
    body = b"".join(parts)
    if HEADER + len(body) > LENGTH_MAX:
        raise LocalError(f"a RADIUS packet of {HEADER + len(body)} bytes is too long; {LENGTH_MAX} are allowed")
    return _HEAD.pack(packet.code, packet.number, HEADER + len(body), packet.authenticator) + body


def decode(data: bytes) -> Packet:
    """One whole packet. Bytes behind its length are padding of a datagram (RFC 2865 section 3) and count as a fault
    here: nobody sends them. Raises PeerError."""
    if not HEADER <= len(data) <= LENGTH_MAX:
        raise PeerError("radius_length", f"{len(data)} bytes")
    code, number, length, authenticator = _HEAD.unpack_from(data)
    if length != len(data):
        raise PeerError("radius_length", f"says {length}, has {len(data)} bytes")
    return Packet(code, number, authenticator, tuple(_attributes(data)))


def split(buffer: bytearray) -> Iterator[bytes]:
    """Takes whole packets off the front of a stream's bytes. Raises PeerError for a length that cannot be."""
    while len(buffer) >= 4:
        length = buffer[2] << 8 | buffer[3]
        if not HEADER <= length <= LENGTH_MAX:
            raise PeerError("radius_length", f"says {length}")
        if len(buffer) < length:
            return
        data = bytes(buffer[:length])
        del buffer[:length]
        yield data


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = HEADER
    count = 0
    while at < len(data):
        length = data[at + 1] if at + 1 < len(data) else 0
        count += 1
        if length < 2 or at + length > len(data) or data[at] == 0 or count > ATTRIBUTES_MAX:
            raise PeerError("radius_attribute", f"number {count}")
        yield data[at], data[at + 2 : at + length]
        at += length


def without(attributes: Iterable[tuple[int, bytes]], kind: int) -> Attributes:
    return tuple(pair for pair in attributes if pair[0] != kind)
