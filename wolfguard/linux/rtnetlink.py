# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, links and addresses as rtnetlink messages (rtnetlink(7)), sans-IO.

Knows the kernel's structures, not what the gateway wants with them. All routes are in the main table and carry
`ROUTE_PROTOCOL`, by which ours are told from everybody else's.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.linux import netlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request, attribute, number

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

ADVERTISED: Final = 9
"""rtm_protocol of routes that the kernel learned from router advertisements (RTPROT_RA)."""

ROUTE_PROTOCOL: Final = 119
"""rtm_protocol of our routes: a number that no routing daemon uses (see /etc/iproute2/rt_protos)."""

UNREACHABLE_METRIC: Final = 1_000_000
"""Metric of the pools' unreachable routes: any other route for the same network wins."""

_NEW_LINK: Final = 16  # RTM_NEWLINK
_DELETE_LINK: Final = 17
_NEW_ADDRESS: Final = 20
_DELETE_ADDRESS: Final = 21
_GET_ADDRESS: Final = 22
_NEW_ROUTE: Final = 24
_DELETE_ROUTE: Final = 25
_GET_ROUTE: Final = 26

_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_LINK: Final = struct.Struct("=BxHiII")  # struct ifinfomsg
_ADDRESS: Final = struct.Struct("=BBBBi")  # struct ifaddrmsg

_TABLE_MAIN: Final = 254
_SCOPE_UNIVERSE: Final = 0
_SCOPE_LINK: Final = 253
_TYPE_UNICAST: Final = 1
_TYPE_UNREACHABLE: Final = 7
_ROUTE_CLONED: Final = 0x200  # RTM_F_CLONED

_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_RTA_PRIORITY: Final = 6
_RTA_METRICS: Final = 8
_RTA_TABLE: Final = 15
_RTAX_MTU: Final = 2

_IFLA_MTU: Final = 4
_IFLA_TXQLEN: Final = 13
_IFLA_AF_SPEC: Final = 26
_IFLA_INET_CONF: Final = 1
_IFLA_INET6_ADDR_GEN_MODE: Final = 8
_ADDR_GEN_MODE_NONE: Final = 1
_IFF_UP: Final = 1

_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_FLAGS: Final = 8
_IFA_F_NODAD: Final = 0x02
_IFA_F_NOPREFIXROUTE: Final = 0x200

FORWARDING: Final = 1  # IPV4_DEVCONF_*: parameters of a device that CAP_NET_ADMIN sets without /proc
SEND_REDIRECTS: Final = 4
ACCEPT_REDIRECTS: Final = 6
RP_FILTER: Final = 8
ACCEPT_SOURCE_ROUTE: Final = 9


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table. `device` is the interface's index, 0 for an unreachable route; `mtu` 0 means none.

    `metric` 0 means the kernel's default (IPv4: 0, IPv6: 1024).
    """

    network: Network
    device: int
    mtu: int = 0
    metric: int = 0
    protocol: int = ROUTE_PROTOCOL


def _family(network: Network | Interface) -> int:
    return socket.AF_INET if network.version == 4 else socket.AF_INET6


def _route_payload(route: Route) -> bytes:
    # IPv6 knows no scopes; IPv4 wants "link" for a route without a gateway, as `ip route` sets it.
    scope = _SCOPE_LINK if route.device and route.network.version == 4 else _SCOPE_UNIVERSE
    kind = _TYPE_UNICAST if route.device else _TYPE_UNREACHABLE
    family = _family(route.network)
    payload = _ROUTE.pack(family, route.network.prefixlen, 0, 0, _TABLE_MAIN, route.protocol, scope, kind, 0)
    payload += attribute(_RTA_DST, route.network.network_address.packed)
    if route.device:
        payload += number(_RTA_OIF, route.device)
    if route.metric:
        payload += number(_RTA_PRIORITY, route.metric)
    if route.mtu:
        payload += attribute(_RTA_METRICS, number(_RTAX_MTU, route.mtu))
    return payload


def replace_route(route: Route) -> Request:
    """Installs the route, in place of one with the same network and metric."""
    return Request(_NEW_ROUTE, netlink.CREATE | netlink.REPLACE, _route_payload(route))


def delete_route(route: Route) -> Request:
    """Removes exactly this route; the MTU does not matter. Answers ESRCH when it is not there."""
    return Request(
        _DELETE_ROUTE, 0, _route_payload(Route(route.network, route.device, 0, route.metric, route.protocol))
    )


def list_routes(version: int, protocol: int = 0, *, unreachable: bool = False) -> Request:
    """To be dumped: routes of an IP version, of all protocols (0) or of one; all, or the unreachable ones."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    kind = _TYPE_UNREACHABLE if unreachable else 0
    payload = _ROUTE.pack(family, 0, 0, 0, _TABLE_MAIN, protocol, 0, kind, 0)
    return Request(_GET_ROUTE, 0, payload + number(_RTA_TABLE, _TABLE_MAIN))


def read_route(message: Message) -> Route | None:
    """A listed route; None for what is no plain unicast or unreachable route of the main table.

    Raises MalformedNetlinkError.
    """
    if message.kind != _NEW_ROUTE:
        return None
    if len(message.payload) < _ROUTE.size:
        raise MalformedNetlinkError(f"netlink: a route of {len(message.payload)} bytes")
    family, prefix, _src, _tos, table, protocol, _scope, kind, flags = _ROUTE.unpack_from(message.payload)
    if family not in (socket.AF_INET, socket.AF_INET6) or flags & _ROUTE_CLONED:
        return None
    size = 4 if family == socket.AF_INET else 16
    destination, device, metric, mtu = bytes(size), 0, 0, 0
    for name, value in netlink.attributes(message.payload, _ROUTE.size):
        if name == _RTA_DST:
            destination = value
        elif name == _RTA_OIF:
            device = netlink.read_number(value)
        elif name == _RTA_PRIORITY:
            metric = netlink.read_number(value)
        elif name == _RTA_TABLE:
            table = netlink.read_number(value)
        elif name == _RTA_METRICS:
            mtu = next(
                (netlink.read_number(item) for kind_, item in netlink.attributes(value) if kind_ == _RTAX_MTU), 0
            )
    if len(destination) != size or prefix > 8 * size:
        raise MalformedNetlinkError(
            f"netlink: a route to {len(destination)} bytes of address with prefix length {prefix}"
        )
    if table != _TABLE_MAIN or kind not in (_TYPE_UNICAST, _TYPE_UNREACHABLE):
        return None
    if kind == _TYPE_UNREACHABLE:
        device = 0  # IPv6 names the loopback device
    address = ipaddress.ip_address(destination)
    try:
        network = ipaddress.ip_network((address, prefix))
    except ValueError as error:
        raise MalformedNetlinkError(f"netlink: a route to {address}/{prefix}, which has host bits") from error
    return Route(network, device, mtu, metric, protocol)


def set_link(device: int, *, mtu: int, queue_length: int) -> Request:
    """MTU in bytes and length of the transmit queue in packets."""
    payload = (
        _LINK.pack(socket.AF_UNSPEC, 0, device, 0, 0) + number(_IFLA_MTU, mtu) + number(_IFLA_TXQLEN, queue_length)
    )
    return Request(_NEW_LINK, 0, payload)


def set_ipv4_parameters(device: int, parameters: Mapping[int, int]) -> Request:
    """Sets net.ipv4.conf parameters of a device by their IPV4_DEVCONF numbers: needs no /proc, CAP_NET_ADMIN only."""
    values = b"".join(number(name, value) for name, value in parameters.items())
    specific = attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET, attribute(_IFLA_INET_CONF, values)))
    return Request(_NEW_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, device, 0, 0) + specific)


def no_link_local_address(device: int) -> Request:
    """Keeps the kernel from giving the device an IPv6 link-local address of its own."""
    mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_ADDR_GEN_MODE_NONE]))
    specific = attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET6, mode))
    return Request(_NEW_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, device, 0, 0) + specific)


def set_up(device: int, up: bool) -> Request:
    return Request(_NEW_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, device, _IFF_UP if up else 0, _IFF_UP))


def delete_link(device: int) -> Request:
    return Request(_DELETE_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, device, 0, 0))


def _address_payload(device: int, interface: Interface) -> bytes:
    payload = _ADDRESS.pack(_family(interface), interface.network.prefixlen, 0, _SCOPE_UNIVERSE, device)
    return payload + attribute(_IFA_LOCAL, interface.packed) + attribute(_IFA_ADDRESS, interface.packed)


def add_address(device: int, interface: Interface) -> Request:
    """No duplicate detection (a TUN has no neighbours) and no route to the prefix: routes are set apart."""
    flags = _IFA_F_NOPREFIXROUTE | (_IFA_F_NODAD if interface.version == 6 else 0)
    payload = _address_payload(device, interface) + number(_IFA_FLAGS, flags)
    return Request(_NEW_ADDRESS, netlink.CREATE | netlink.REPLACE, payload)


def delete_address(device: int, interface: Interface) -> Request:
    """Answers EADDRNOTAVAIL when it is not there."""
    return Request(_DELETE_ADDRESS, 0, _address_payload(device, interface))


def list_addresses(version: int, device: int) -> Request:
    """To be dumped: the device's addresses of an IP version."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return Request(_GET_ADDRESS, 0, _ADDRESS.pack(family, 0, 0, 0, device))


def read_address(message: Message) -> tuple[int, Interface] | None:
    """(interface index, address) of a listed address; None for other families. Raises MalformedNetlinkError."""
    if message.kind != _NEW_ADDRESS:
        return None
    if len(message.payload) < _ADDRESS.size:
        raise MalformedNetlinkError(f"netlink: an address entry of {len(message.payload)} bytes")
    family, prefix, _flags, _scope, device = _ADDRESS.unpack_from(message.payload)
    parts = dict(netlink.attributes(message.payload, _ADDRESS.size))
    # IPv6 has no IFA_LOCAL on links without a peer address.
    packed = parts.get(_IFA_LOCAL, parts.get(_IFA_ADDRESS, b""))
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    if size is None:
        return None
    if len(packed) != size or prefix > 8 * size:
        raise MalformedNetlinkError(f"netlink: an address of {len(packed)} bytes with prefix length {prefix}")
    return device, ipaddress.ip_interface((packed, prefix))
