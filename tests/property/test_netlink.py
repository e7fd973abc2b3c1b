# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes come, netlink's readers answer with values or MalformedNetlinkError; what we write reads back."""

from __future__ import annotations

import contextlib
import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from wolfguard.linux import conntrack, netlink, rtnetlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request
from wolfguard.linux.routes import Lease, LeaseTable
from wolfguard.linux.rtnetlink import Route

NUMBERS = st.integers(1, 2**32 - 1)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
NETWORKS = st.builds(
    lambda address, cut: ipaddress.ip_network((address, max(0, address.max_prefixlen - cut)), strict=False),
    ADDRESSES,
    st.integers(0, 64),
)
ROUTES = st.one_of(
    st.builds(Route, NETWORKS, st.integers(1, 2**31 - 1), NUMBERS | st.just(0), NUMBERS | st.just(0)),
    st.builds(Route, NETWORKS, st.just(0), st.just(0), NUMBERS),
)
KINDS = st.sampled_from([2, 3, 16, 20, 24, 0x100, 0x101])


def read_all(message: Message) -> None:
    rtnetlink.read_route(message)
    rtnetlink.read_address(message)
    conntrack.delete_matching(message, {bytes(4)})
    if message.kind == netlink.KIND_ERROR:
        netlink.read_acknowledgement(message)
    if message.kind == netlink.KIND_DONE:
        netlink.read_done(message)


@given(st.binary(max_size=400))
def test_any_datagram(datagram: bytes) -> None:
    with contextlib.suppress(MalformedNetlinkError):
        for message in netlink.messages(datagram):
            read_all(message)


@given(KINDS, st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_any_payload(kind: int, flags: int, payload: bytes) -> None:
    with contextlib.suppress(MalformedNetlinkError):
        read_all(Message(kind, flags, 1, payload))


@given(ROUTES, st.data())
def test_crippled_routes(route: Route, data: st.DataObject) -> None:
    payload = bytearray(rtnetlink.replace_route(route).payload)
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedNetlinkError):
        rtnetlink.read_route(Message(24, 0, 1, bytes(payload[: data.draw(st.integers(0, len(payload)))])))


@given(ROUTES)
def test_routes_read_back(route: Route) -> None:
    (message,) = netlink.messages(netlink.encode(rtnetlink.replace_route(route), 1))
    assert rtnetlink.read_route(message) == route


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0x7FF), st.binary(max_size=40)), max_size=20))
def test_batches_read_back(parts: list[tuple[int, int, bytes]]) -> None:
    datagram = b"".join(netlink.encode(Request(*part), number) for number, part in enumerate(parts))
    found = [(each.kind, each.flags, each.sequence, each.payload) for each in netlink.messages(datagram)]
    assert found == [(kind, flags | 1, number, payload) for number, (kind, flags, payload) in enumerate(parts)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 9), st.booleans()), max_size=60))
def test_epochs_of_a_network_never_fall_while_it_is_routed(steps: list[tuple[int, int, int, bool]]) -> None:
    table = LeaseTable()
    networks = [ipaddress.ip_network(f"10.0.0.{number}") for number in range(4)]
    for place, slot, epoch, drop in steps:
        lease = Lease(networks[place], slot, 1400, epoch)
        before = table.get(lease.network)
        if drop:
            for ended in table.ended([lease]):
                table.removed(ended.network)
            assert (table.get(lease.network) is None) == (before is None or before.epoch <= epoch)
        else:
            for newer in table.newer([lease]):
                table.installed(newer)
            after = table.get(lease.network)
            assert after is not None
            assert after == (lease if before is None or before.epoch <= epoch else before)
