# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing of netlink: what is encoded reads back, what does not fit is refused."""

from __future__ import annotations

import struct

import pytest

from wolfguard.linux import netlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request


def acknowledgement(code: int, flags: int = 0, tail: bytes = b"", echoed: int = 16) -> Message:
    payload = struct.pack("=i", code) + struct.pack("=IHHII", echoed, 24, 5, 42, 0) + tail
    return Message(netlink.KIND_ERROR, flags, 42, payload)


def test_batch_reads_back() -> None:
    requests = [Request(24, netlink.CREATE, b"abcde"), Request(25, 0, b""), Request(26, netlink.DUMP, b"1234")]
    datagram = b"".join(netlink.encode(request, 10 + index) for index, request in enumerate(requests))
    assert len(datagram) % 4 == 0
    assert [(each.kind, each.sequence, each.payload) for each in netlink.messages(datagram)] == [
        (24, 10, b"abcde"),
        (25, 11, b""),
        (26, 12, b"1234"),
    ]


@pytest.mark.parametrize(
    "datagram",
    [
        b"\x10",
        struct.pack("=IHHII", 15, 2, 0, 1, 0),
        struct.pack("=IHHII", 17, 2, 0, 1, 0),
        struct.pack("=IHHII", 0, 2, 0, 1, 0),
        struct.pack("=IHHII", 16, 2, 0, 1, 0) + b"\0\0\0",
    ],
)
def test_bad_lengths_of_messages(datagram: bytes) -> None:
    with pytest.raises(MalformedNetlinkError):
        list(netlink.messages(datagram))


def test_attributes_read_back_without_their_flags() -> None:
    data = netlink.attribute(1, b"abc") + netlink.attribute(2 | netlink.NESTED, netlink.number(3, 0xDEADBEEF))
    (one, two) = netlink.attributes(data)
    assert one == (1, b"abc")
    assert two[0] == 2
    ((kind, value),) = netlink.attributes(two[1])
    assert (kind, netlink.read_number(value)) == (3, 0xDEADBEEF)


@pytest.mark.parametrize("data", [b"\x04", b"\x03\x00\x01\x00", b"\x05\x00\x01\x00", b"\x00\x00\x00\x00"])
def test_bad_lengths_of_attributes(data: bytes) -> None:
    with pytest.raises(MalformedNetlinkError):
        list(netlink.attributes(data))


def test_numbers_have_four_bytes() -> None:
    with pytest.raises(MalformedNetlinkError):
        netlink.read_number(b"\0\0\0")


def test_success_and_refusal() -> None:
    assert netlink.read_acknowledgement(acknowledgement(0)).code == 0
    refusal = netlink.read_acknowledgement(acknowledgement(-17))
    assert (refusal.code, refusal.sequence, refusal.text) == (17, 42, "")


@pytest.mark.parametrize("capped", [True, False])
def test_refusal_with_the_kernels_words(capped: bool) -> None:
    words = netlink.attribute(1, b"Nexthop has invalid gateway\0")
    flags = netlink.ACK_ATTRIBUTES | (netlink.CAPPED if capped else 0)
    tail = words if capped else b"request.." + bytes(3) + words
    message = acknowledgement(-22, flags, tail, echoed=16 if capped else 25)
    assert netlink.read_acknowledgement(message).text == "Nexthop has invalid gateway"


@pytest.mark.parametrize(
    "message",
    [
        Message(netlink.KIND_ERROR, 0, 1, b"\0\0\0"),
        Message(netlink.KIND_ERROR, 0, 1, bytes(19)),
        acknowledgement(5),
        acknowledgement(-22, netlink.ACK_ATTRIBUTES | netlink.CAPPED, b"\x09\0\0"),
    ],
)
def test_bad_acknowledgements(message: Message) -> None:
    with pytest.raises(MalformedNetlinkError):
        netlink.read_acknowledgement(message)


def test_end_of_a_dump() -> None:
    assert netlink.read_done(Message(netlink.KIND_DONE, 0, 1, b"")) == 0
    assert netlink.read_done(Message(netlink.KIND_DONE, 0, 1, struct.pack("=i", 0))) == 0
    assert netlink.read_done(Message(netlink.KIND_DONE, 0, 1, struct.pack("=i", -95))) == 95
    with pytest.raises(MalformedNetlinkError):
        netlink.read_done(Message(netlink.KIND_DONE, 0, 1, b"\0"))
