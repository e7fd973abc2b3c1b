# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracked flows: which ones belong to an address, and the request that deletes exactly one."""

from __future__ import annotations

import socket
import struct

import pytest

from wolfguard.linux import conntrack, netlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, attribute

CLIENT, SERVER, GATEWAY, OTHER = (socket.inet_aton(f"10.0.0.{number}") for number in (7, 8, 9, 10))


def tuple_of(source: bytes, destination: bytes) -> bytes:
    kinds = (1, 2) if len(source) == 4 else (3, 4)
    addresses = attribute(kinds[0], source) + attribute(kinds[1], destination)
    ports = attribute(1, b"\x11") + attribute(2, b"\x1f\x90") + attribute(3, b"\x00\x35")
    return attribute(1 | netlink.NESTED, addresses) + attribute(2 | netlink.NESTED, ports)


def flow(original: bytes, reply: bytes, zone: bytes = b"") -> Message:
    payload = struct.pack("=BBH", socket.AF_INET, 0, 0)
    payload += attribute(1 | netlink.NESTED, original) + attribute(2 | netlink.NESTED, reply)
    payload += attribute(12, b"\x01\x02\x03\x04") + (attribute(18, zone) if zone else b"")
    return Message(0x100, netlink.MULTI, 1, payload)


def test_any_end_of_a_flow_counts() -> None:
    masqueraded = flow(tuple_of(CLIENT, SERVER), tuple_of(SERVER, GATEWAY))
    for address in (CLIENT, SERVER, GATEWAY):
        assert conntrack.delete_matching(masqueraded, {address}) is not None
    assert conntrack.delete_matching(masqueraded, {OTHER}) is None


def test_ipv6() -> None:
    client, server = (socket.inet_pton(socket.AF_INET6, text) for text in ("fd00::7", "2001:db8::1"))
    tracked = flow(tuple_of(client, server), tuple_of(server, client))
    assert conntrack.delete_matching(tracked, {client}) is not None
    assert conntrack.delete_matching(tracked, {CLIENT}) is None


def test_request_names_tuple_identity_and_zone() -> None:
    request = conntrack.delete_matching(flow(tuple_of(CLIENT, SERVER), tuple_of(SERVER, CLIENT), b"\0\x05"), {CLIENT})
    assert request is not None
    assert request.kind == 0x102
    assert dict(netlink.attributes(request.payload, 4)) == {
        1: tuple_of(CLIENT, SERVER),
        12: b"\x01\x02\x03\x04",
        18: b"\0\x05",
    }


def test_what_is_no_flow() -> None:
    assert conntrack.delete_matching(Message(netlink.KIND_DONE, 0, 1, b""), {CLIENT}) is None
    with pytest.raises(MalformedNetlinkError):
        conntrack.delete_matching(Message(0x100, 0, 1, b"\x02"), {CLIENT})
    with pytest.raises(MalformedNetlinkError):
        conntrack.delete_matching(Message(0x100, 0, 1, b"\x02\0\0\0\xff\xff\x01\0"), {CLIENT})
