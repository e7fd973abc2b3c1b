# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of host routes that are installed: which slot's device carries a network, and since which epoch.

Pure bookkeeping: the kernel is told by somebody else, who reports back with `installed` and `removed`. A tunnel that
was opened later has the higher epoch and wins, in whatever order the requests arrive. Routes that were found in the
kernel after a restart have epoch 0, which everything beats: the kernel keeps no epochs.
"""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from wolfguard.linux.rtnetlink import Network


@dataclass(frozen=True, slots=True)
class Lease:
    """An inside network, the slot whose device carries it, the tunnel's MTU in bytes, the tunnel's epoch; and the
    access list that it is under, "" for the site's own networks."""

    network: Network
    slot: int
    mtu: int
    epoch: int
    access: str = ""


class LeaseTable:
    """What is installed, by network."""

    def __init__(self) -> None:
        self._leases: dict[Network, Lease] = {}
        self._ordered: list[Lease] | None = None

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, network: Network) -> Lease | None:
        return self._leases.get(network)

    def newer(self, wanted: Iterable[Lease]) -> list[Lease]:
        """Those to install: not older than what is there; of several for one network the newest, the last of equals."""
        best: dict[Network, Lease] = {}
        for lease in wanted:
            current = best.get(lease.network) or self._leases.get(lease.network)
            if current is None or lease.epoch >= current.epoch:
                best[lease.network] = lease
        return list(best.values())

    def ended(self, gone: Iterable[Lease]) -> list[Lease]:
        """Those installed that the given epochs end: what a newer tunnel has taken over stays."""
        found: dict[Network, Lease] = {}
        for lease in gone:
            current = self._leases.get(lease.network)
            if current is not None and current.epoch <= lease.epoch:
                found[lease.network] = current
        return list(found.values())

    def installed(self, lease: Lease) -> None:
        self._leases[lease.network] = lease
        self._ordered = None

    def removed(self, network: Network) -> None:
        self._leases.pop(network, None)
        self._ordered = None

    def page(self, after: Network | None, limit: int) -> tuple[list[Lease], bool]:
        """At most `limit` leases behind network `after` in the order of addresses, IPv4 first; and whether more follow.

        The order is computed once for all pages of an unchanged table.
        """
        if self._ordered is None:
            self._ordered = sorted(self._leases.values(), key=_place)
        start = 0 if after is None else bisect.bisect_right(self._ordered, _order(after), key=_place)
        return self._ordered[start : start + limit], start + limit < len(self._ordered)

    def any_inside(self, network: Network) -> bool:
        """Whether a lease lies in the network."""
        return any(is_inside(lease.network, network) for lease in self._leases.values())


def is_inside(network: Network, outer: Network) -> bool:
    """Whether `outer` holds all of `network`; networks of different IP versions never hold each other."""
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and network.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and network.subnet_of(outer)


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _place(lease: Lease) -> tuple[int, int, int]:
    return _order(lease.network)
