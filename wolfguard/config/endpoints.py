# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sockets the listeners of the site file mean, so that who opens them and who tells clients of them agree.

Owns the meaning of "::" and of `steer` for UDP. Must not know sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from wolfguard.config.site import Configuration, Listener

ANY_IPV6: Final = "::"
ANY_IPV4: Final = "0.0.0.0"  # noqa: S104 - the operator asked for every address
SOURCE: Final = "source"
"""The value of `steer` with which a client's TCP and UDP meet in one worker."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of one family and a port; `udp`: the UDP port too."""

    address: str
    port: int
    udp: bool

    def covers(self, local: str, port: int) -> bool:
        """Whether what is sent to this address and port of the machine arrives here."""
        mine, theirs = ip_address(self.address), ip_address(local)
        return port == self.port and (mine == theirs or (mine.is_unspecified and mine.version == theirs.version))


def endpoints(listeners: Sequence[Listener], steer: str) -> tuple[Endpoint, ...]:
    """In the order of the listeners. "::" means every address of both families, so it becomes two.

    A datagram of a client that the source address does not lead to its worker would be lost there: no UDP then.
    """
    wanted = {(listener.address, listener.port) for listener in listeners}
    result: list[Endpoint] = []
    for listener in listeners:
        udp = listener.udp and steer == SOURCE
        result.append(Endpoint(listener.address, listener.port, udp))
        if listener.address == ANY_IPV6 and (ANY_IPV4, listener.port) not in wanted:
            result.append(Endpoint(ANY_IPV4, listener.port, udp))
    return tuple(result)


def hears_datagrams(configuration: Configuration, local: str, port: int) -> bool:
    """Whether a client that reached this address and port by TCP may send UDP there."""
    found = endpoints(configuration.listeners, configuration.steer)
    return any(endpoint.udp and endpoint.covers(local, port) for endpoint in found)
