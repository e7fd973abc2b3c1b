# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets for the inside of a tunnel, right ones and such as no kernel makes. Sans-IO."""

from __future__ import annotations

import socket

ICMP, UDP = 1, 17
MORE, RESERVED = 0x2000, 0x8000
ECHO_REPLY = 0


def checksum(data: bytes) -> bytes:
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\x00"), "big") for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (0xFFFF - total).to_bytes(2, "big")


def ipv4(
    source: str,
    destination: str,
    content: bytes,
    *,
    protocol: int = UDP,
    options: bytes = b"",
    word: int = 0,
    total: int | None = None,
    words: int | None = None,
) -> bytes:
    """`word` has the flags and the fragment's offset; `total` and `words` (of the header) can lie."""
    own = (20 + len(options)) // 4 if words is None else words
    length = 20 + len(options) + len(content) if total is None else total
    head = bytearray([0x40 | own, 0])
    head += length.to_bytes(2, "big") + b"\x12\x34" + word.to_bytes(2, "big") + bytes([64, protocol, 0, 0])
    head += socket.inet_aton(source) + socket.inet_aton(destination) + options
    head[10:12] = checksum(bytes(head))
    return bytes(head) + content


def ipv6(source: str, destination: str, content: bytes, *, following: int = UDP, length: int | None = None) -> bytes:
    declared = len(content) if length is None else length
    return (
        b"\x60\x00\x00\x00" + declared.to_bytes(2, "big") + bytes([following, 64])
        + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + content
    )  # fmt: skip


def udp(content: bytes = b"", length: int | None = None) -> bytes:
    """A datagram without a checksum, for a port where nobody listens."""
    declared = 8 + len(content) if length is None else length
    return b"\x10\x00\x00\x09" + declared.to_bytes(2, "big") + bytes(2) + content


def echo_request(number: int, content: bytes = b"hostile?") -> bytes:
    head = b"\x08\x00\x00\x00\x00\x07" + number.to_bytes(2, "big")
    return head[:2] + checksum(head + content) + head[4:] + content


def echo(source: str, destination: str, number: int) -> bytes:
    return ipv4(source, destination, echo_request(number), protocol=ICMP)


def is_echoed(packet: bytes, number: int) -> bool:
    return packet[9] == ICMP and packet[20] == ECHO_REPLY and packet[26:28] == number.to_bytes(2, "big")
