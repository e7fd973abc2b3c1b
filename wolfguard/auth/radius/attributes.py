# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's Access-Accept says about the user, as the attributes of `ipc.factors`.

Owns which RADIUS attributes are understood, their forms and their bounds. Attributes that we do not know are passed
over (RFC 2865 section 5); one that we know but cannot read makes the whole answer unusable, since what it would have
limited must not be without limit. RFC 2865, 2869, 3162, 4818, 6911 and the vendors' attributes in dictionary.radius.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.radius import dictionary
from wolfguard.auth.radius.packet import Attributes
from wolfguard.errors import PeerError
from wolfguard.ipc.factors import Attribute

ROUTES_MAX: Final = 128
NAMES_MAX: Final = 64
CLASSES_MAX: Final = 8
SECONDS_MAX: Final = 366 * 86400
TEXT_MAX: Final = 1024

# RFC 2865 section 5.8: the user, or the NAS, shall choose.
_CHOOSE: Final = (b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe")
_GROUP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# What Cisco's servers read from Class, and what others therefore send.
_OU: Final = re.compile(r"(?i:ou=)([^;]{1,64});?")


@dataclass(frozen=True, slots=True)
class Reading:
    """`attributes` are those of `ipc.factors`, each value in canonical form."""

    groups: tuple[str, ...]
    attributes: tuple[Attribute, ...]


def read(attributes: Attributes) -> Reading:
    """Raises PeerError "radius_attribute" naming the attribute, never its value."""
    groups: list[str] = []
    found: list[Attribute] = []
    for name, value in named(attributes):
        reader = _READERS.get(name)
        if reader is None:
            continue
        try:
            for kind, text in reader(value):
                if kind == "group":
                    groups.append(text)
                else:
                    found.append(Attribute(kind, text))
        except ValueError:
            raise PeerError("radius_attribute", name) from None
    _bound(groups, found)
    return Reading(tuple(dict.fromkeys(groups)), tuple(dict.fromkeys(found)))


def text(attributes: Attributes) -> str:
    """The server's words for the user: all Reply-Messages in order (RFC 2865 section 5.18)."""
    parts = [value.decode(errors="replace") for name, value in named(attributes) if name == "Reply-Message"]
    return "\n".join(parts)[:TEXT_MAX]


def named(attributes: Attributes) -> Iterator[tuple[str, bytes]]:
    """(name, value) of all that the dictionary knows; vendors' attributes unpacked (RFC 2865 section 5.26). Raises
    PeerError for a vendor's attribute that is not whole."""
    known = dictionary.names()
    for kind, value in attributes:
        if kind != dictionary.VENDOR_SPECIFIC:
            if (0, kind) in known:
                yield known[0, kind], value
            continue
        if len(value) < 4:
            raise PeerError("radius_attribute", "Vendor-Specific")
        vendor = int.from_bytes(value[:4], "big")
        if not any(owner == vendor for owner, _ in known):
            continue  # its inside may have a form of its own
        at = 4
        while at < len(value):
            length = value[at + 1] if at + 1 < len(value) else 0
            if length < 2 or at + length > len(value):
                raise PeerError("radius_attribute", "Vendor-Specific")
            if (vendor, value[at]) in known:
                yield known[vendor, value[at]], value[at + 2 : at + length]
            at += length


def _bound(groups: list[str], found: list[Attribute]) -> None:
    routes = sum(attribute.name == "route" for attribute in found)
    classes = sum(attribute.name == "class" for attribute in found)
    rest = len(found) - routes - classes
    if routes > ROUTES_MAX or classes > CLASSES_MAX or rest > NAMES_MAX or len(groups) > NAMES_MAX:
        raise PeerError("radius_attribute", "too many")
    single = [attribute.name for attribute in found if attribute.name not in ("route", "dns", "class")]
    if len(single) != len(set(single)):
        raise PeerError("radius_attribute", "twice")


Pairs = Iterator[tuple[str, str]]


def _framed_address(value: bytes) -> Pairs:
    if value not in _CHOOSE:
        yield "framed-address", _host(ipaddress.IPv4Address(_sized(value, 4)))


def _framed_ipv6_address(value: bytes) -> Pairs:
    yield "framed-ipv6-address", _host(ipaddress.IPv6Address(_sized(value, 16)))


def _delegated_prefix(value: bytes) -> Pairs:
    """RFC 3162 section 2.3: zero, length of the prefix in bits, and as many of its bytes as are needed, or more."""
    if not 2 <= len(value) <= 18 or value[1] > 128 or (value[1] + 7) // 8 > len(value) - 2:
        raise ValueError
    network = ipaddress.IPv6Network((value[2:].ljust(16, b"\0"), value[1]))
    if network.prefixlen < 8:
        raise ValueError
    yield "framed-ipv6-prefix", str(network)


def _route(version: int) -> Callable[[bytes], Pairs]:
    def read_route(value: bytes) -> Pairs:
        """RFC 2865 section 5.22: network, gateway, metrics; the gateway is ourselves, and metrics are not ours."""
        words = value.decode("ascii").split()
        if not words:
            raise ValueError
        network = ipaddress.ip_network(words[0], strict=True)
        if network.version != version:
            raise ValueError
        yield "route", str(network)

    return read_route


def _dns(size: int) -> Callable[[bytes], Pairs]:
    def read_dns(value: bytes) -> Pairs:
        yield "dns", _host(ipaddress.ip_address(_sized(value, size)))

    return read_dns


def _seconds(kind: str) -> Callable[[bytes], Pairs]:
    def read_seconds(value: bytes) -> Pairs:
        seconds = int.from_bytes(_sized(value, 4), "big")
        if seconds == 0:
            raise ValueError
        yield kind, str(min(seconds, SECONDS_MAX))

    return read_seconds


def _rate(kind: str) -> Callable[[bytes], Pairs]:
    def read_rate(value: bytes) -> Pairs:
        """Bits a second."""
        rate = int.from_bytes(_sized(value, 4), "big")
        if rate == 0:
            raise ValueError
        yield kind, str(rate)

    return read_rate


def _group(value: bytes) -> Pairs:
    name = value.decode("ascii")
    if _GROUP.fullmatch(name) is None:
        raise ValueError
    yield "group", name


def _class(value: bytes) -> Pairs:
    if not value:
        raise ValueError
    yield "class", base64.b64encode(value).decode("ascii")
    found = _OU.fullmatch(value.decode("latin-1"))
    if found is not None and _GROUP.fullmatch(found[1]) is not None:
        yield "group", found[1]


def _sized(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError
    return value


def _host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """An address that one machine can have."""
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local:
        raise ValueError
    if isinstance(address, ipaddress.IPv4Address) and (address.packed[0] == 0 or address.packed[0] >= 240):
        raise ValueError
    return str(address)


_READERS: Final[dict[str, Callable[[bytes], Pairs]]] = {
    "Framed-IP-Address": _framed_address,
    "Framed-IPv6-Address": _framed_ipv6_address,
    "Delegated-IPv6-Prefix": _delegated_prefix,
    "Framed-Route": _route(4),
    "Framed-IPv6-Route": _route(6),
    "DNS-Server-IPv6-Address": _dns(16),
    "MS-Primary-DNS-Server": _dns(4),
    "MS-Secondary-DNS-Server": _dns(4),
    "CVPN3000-Primary-DNS": _dns(4),
    "CVPN3000-Secondary-DNS": _dns(4),
    "Filter-Id": _group,
    "CVPN3000-Group-Policy": _group,
    "Class": _class,
    "Session-Timeout": _seconds("session-timeout"),
    "Idle-Timeout": _seconds("idle-timeout"),
    "Acct-Interim-Interval": _seconds("interim-interval"),
    "WISPr-Bandwidth-Max-Up": _rate("rate-up"),
    "WISPr-Bandwidth-Max-Down": _rate("rate-down"),
}
