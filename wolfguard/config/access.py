# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of an access list, as the site file writes it: `10.1.2.0/24`, `10.1.2.7/32 tcp 443,8000-8100`,
`2001:db8::/32 icmp`.

Owns the text and its meaning. Must not know what holds packets to it (`linux.firewall`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import ConfigurationError

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Ports = tuple[tuple[int, int], ...]
"""Ranges, both ends included, in order and apart from each other."""

WITH_PORTS: Final = ("tcp", "udp", "sctp")
PROTOCOLS: Final = (*WITH_PORTS, "icmp")
RANGES_MAX: Final = 16

ALLOWED: Final = (
    "a network, then a protocol (tcp, udp, sctp, icmp) where only that is meant, then ports where only those are: "
    "10.0.0.0/8, or 10.1.2.7/32 tcp 443,8000-8100"
)

_RANGE: Final = re.compile(r"(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """`protocol` "" means all; `ports` empty means all. "icmp" is ICMPv6 in an IPv6 network."""

    network: IpNetwork
    protocol: str = ""
    ports: Ports = ()

    def reaches(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, protocol: str, port: int) -> bool:
        """Whether the entry lets a packet through to there."""
        if address not in self.network or self.protocol not in ("", protocol):
            return False
        return not self.ports or any(first <= port <= last for first, last in self.ports)


def read(text: str) -> Entry:
    """Raises ConfigurationError, saying what is allowed."""
    words = text.split(" ")
    try:
        if "/" not in words[0]:
            raise ValueError("a network has its prefix length")
        network = ipaddress.ip_network(words[0])
        protocol = words[1] if len(words) > 1 else ""
        ports = _ports(words[2]) if len(words) > 2 else ()
        if len(words) > 3 or (protocol not in PROTOCOLS and len(words) > 1) or (ports and protocol not in WITH_PORTS):
            raise ValueError("no such protocol, or one without ports")
    except ValueError as error:
        raise ConfigurationError(f"is {text[:60]!r}; allowed: {ALLOWED}") from error
    return Entry(network, protocol, ports)


def _ports(text: str) -> Ports:
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        found = _RANGE.match(part)
        if found is None:
            raise ValueError(f"no range of ports: {part!r}")
        first = int(found[1])
        last = int(found[2]) if found[2] else first
        if not 0 < first <= last <= 0xFFFF:
            raise ValueError(f"no range of ports: {part!r}")
        ranges.append((first, last))
    if len(ranges) > RANGES_MAX:
        raise ValueError("too many ranges of ports")
    return _merged(sorted(ranges))


def _merged(ranges: list[tuple[int, int]]) -> Ports:
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
