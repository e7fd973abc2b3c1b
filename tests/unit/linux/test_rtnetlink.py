# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink messages, read by pyroute2 as an independent decoder, and back by our own."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # type: ignore[import-untyped]
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # type: ignore[import-untyped]
from pyroute2.netlink.rtnl.rtmsg import rtmsg  # type: ignore[import-untyped]

from wolfguard.linux import netlink, rtnetlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request
from wolfguard.linux.rtnetlink import Route


def decoded(request: Request, kind: type[Any]) -> Any:
    """The message as pyroute2 sees it."""
    message = kind(netlink.encode(request, 7))
    message.decode()
    return message


def back(request: Request) -> Message:
    (message,) = netlink.messages(netlink.encode(request, 7))
    return message


ROUTES = [
    Route(ipaddress.ip_network("10.99.0.7/32"), 5, 1340),
    Route(ipaddress.ip_network("10.99.4.0/24"), 5),
    Route(ipaddress.ip_network("fd99::7/128"), 6, 1280),
    Route(ipaddress.ip_network("10.99.0.0/16"), 0, metric=rtnetlink.UNREACHABLE_METRIC),
    Route(ipaddress.ip_network("fd99::/64"), 0, metric=rtnetlink.UNREACHABLE_METRIC),
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.network))
def test_route_as_others_read_it(route: Route) -> None:
    message = decoded(rtnetlink.replace_route(route), rtmsg)
    assert message["header"]["type"] == 24
    assert message["header"]["flags"] == netlink.REQUEST | netlink.CREATE | netlink.REPLACE
    assert message["family"] == (socket.AF_INET if route.network.version == 4 else socket.AF_INET6)
    assert (message["dst_len"], message["table"], message["proto"]) == (route.network.prefixlen, 254, 119)
    assert message["type"] == (1 if route.device else 7)
    assert message["scope"] == (253 if route.device and route.network.version == 4 else 0)
    assert message.get_attr("RTA_DST") == str(route.network.network_address)
    assert message.get_attr("RTA_OIF") == (route.device or None)
    assert message.get_attr("RTA_PRIORITY") == (route.metric or None)
    metrics = message.get_attr("RTA_METRICS")
    assert (metrics.get_attr("RTAX_MTU") if metrics else 0) == route.mtu


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.network))
def test_route_reads_back(route: Route) -> None:
    assert rtnetlink.read_route(back(rtnetlink.replace_route(route))) == route


def test_delete_names_the_exact_route() -> None:
    message = decoded(rtnetlink.delete_route(ROUTES[0]), rtmsg)
    assert message["header"]["type"] == 25
    assert (message["proto"], message.get_attr("RTA_OIF"), message.get_attr("RTA_METRICS")) == (119, 5, None)


def test_host_route_bytes() -> None:
    """The IPv4 host route, byte by byte: header, rtmsg, destination, device, metrics with the MTU."""
    expected = (
        "38000000 1800 0105 07000000 00000000"
        "02200000 fe 77 fd 01 00000000"
        "08000100 0a630007"
        "08000400 05000000"
        "0c000800 08000200 3c050000"
    )
    assert netlink.encode(rtnetlink.replace_route(ROUTES[0]), 7) == bytes.fromhex(expected)


def of_others(**fields: int) -> Message:
    """A static route of somebody else, as pyroute2 writes it."""
    message = rtmsg()
    for name, value in {"family": 2, "dst_len": 24, "table": 254, "type": 1, "proto": 3, **fields}.items():
        message[name] = value
    message["header"]["type"] = 24
    message["attrs"] = [("RTA_DST", "192.0.2.0"), ("RTA_OIF", 3), ("RTA_GATEWAY", "198.51.100.1")]
    message.encode()
    (read,) = netlink.messages(bytes(message.data))
    return read


def test_routes_of_others_are_read() -> None:
    assert rtnetlink.read_route(of_others()) == Route(ipaddress.ip_network("192.0.2.0/24"), 3, protocol=3)


@pytest.mark.parametrize("fields", [{"table": 255}, {"type": 2}, {"flags": 0x200}], ids=str)
def test_other_kinds_of_routes_are_passed_over(fields: dict[str, int]) -> None:
    assert rtnetlink.read_route(of_others(**fields)) is None


def test_routes_of_other_families_are_passed_over() -> None:
    message = of_others()
    assert rtnetlink.read_route(Message(message.kind, 0, 1, b"\x1c" + message.payload[1:])) is None


def test_route_with_host_bits_is_malformed() -> None:
    request = rtnetlink.replace_route(ROUTES[0])
    crooked = Request(request.kind, request.flags, request.payload[:1] + b"\x08" + request.payload[2:])
    with pytest.raises(MalformedNetlinkError, match="host bits"):
        rtnetlink.read_route(back(crooked))


def test_link_as_others_read_it() -> None:
    message = decoded(rtnetlink.set_link(9, mtu=1400, queue_length=1000), ifinfmsg)
    assert (message["index"], message["change"]) == (9, 0)
    assert (message.get_attr("IFLA_MTU"), message.get_attr("IFLA_TXQLEN")) == (1400, 1000)
    for up in (True, False):
        message = decoded(rtnetlink.set_up(9, up), ifinfmsg)
        assert (message["index"], message["flags"], message["change"]) == (9, int(up), 1)
    assert decoded(rtnetlink.delete_link(9), ifinfmsg)["header"]["type"] == 17


def test_parameters_are_nested_as_the_kernel_wants_them() -> None:
    request = rtnetlink.set_ipv4_parameters(9, {rtnetlink.RP_FILTER: 2, rtnetlink.SEND_REDIRECTS: 0})
    ((specific, inner),) = netlink.attributes(request.payload, 16)
    ((family, conf),) = netlink.attributes(inner)
    ((name, values),) = netlink.attributes(conf)
    assert (specific, family, name) == (26, socket.AF_INET, 1)
    assert [(kind, netlink.read_number(value)) for kind, value in netlink.attributes(values)] == [(8, 2), (4, 0)]


@pytest.mark.parametrize("text", ["10.99.0.1/32", "fd99::1/128"])
def test_address_as_others_read_it(text: str) -> None:
    interface = ipaddress.ip_interface(text)
    request = rtnetlink.add_address(9, interface)
    message = decoded(request, ifaddrmsg)
    assert (message["index"], message["prefixlen"]) == (9, interface.network.prefixlen)
    assert message.get_attr("IFA_LOCAL") == message.get_attr("IFA_ADDRESS") == str(interface.ip)
    assert message.get_attr("IFA_FLAGS") == (0x202 if interface.version == 6 else 0x200)
    assert rtnetlink.read_address(back(request)) == (9, interface)
    assert decoded(rtnetlink.delete_address(9, interface), ifaddrmsg)["header"]["type"] == 21


def test_lists_are_asked_for_strictly() -> None:
    message = decoded(rtnetlink.list_routes(6, 119, unreachable=True), rtmsg)
    assert (message["family"], message["proto"], message["type"], message["table"]) == (10, 119, 7, 254)
    assert decoded(rtnetlink.list_addresses(4, 9), ifaddrmsg)["index"] == 9
