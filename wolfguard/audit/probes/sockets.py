# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that hear something: the tables of the kernel (proc_net(5))."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, text
from wolfguard.audit.vantage import Vantage

_TCP_LISTEN: Final = "0A"
_UDP_UNCONNECTED: Final = "07"
_STATES: Final = {"tcp": _TCP_LISTEN, "udp": _UDP_UNCONNECTED}


def listening(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Ports of addresses that others can reach; a UDP socket without a peer hears everybody."""
    protocol = arguments["protocol"]
    ports: set[int] = set()
    for table in (protocol, f"{protocol}6"):
        try:
            lines = text(vantage.place, f"/proc/net/{table}").splitlines()[1:]
        except Missing:  # a kernel without IPv6 has no second table
            if table == protocol:
                raise
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _STATES[protocol]:
                address, port = _endpoint(fields[1])
                if not _is_loopback(address):
                    ports.add(port)
    return Observation({"ports": tuple(sorted(ports))}, f"/proc/net/{protocol}, {protocol}6")


def _endpoint(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """The kernel writes each 32-bit word of an address as a number of this machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(address), 8)]
    return ip_address(b"".join(words)), int(port, 16)


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
