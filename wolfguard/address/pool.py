# SPDX-License-Identifier: GPL-3.0-or-later
"""One pool: a prefix out of which single addresses are leased.

Rules: network, broadcast (IPv4), subnet-router anycast (IPv6, RFC 4291 2.6.1) and the first host (the gateway's own)
are never leased. A released address rests, so that late packets and connection-tracking entries of its last owner meet
nobody; the same owner may have it back at once. A returning owner gets the address of last time when it is free,
else a place that follows from the owner's name, else the next free one. Time comes in as an argument.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from wolfguard.address.interval import IntervalSet
from wolfguard.errors import ConfigurationError, LocalError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PREFIXES = {4: range(8, 31), 6: range(48, 125)}
_REMEMBERED = 65_536


class PoolFullError(LocalError):
    """No address is free; the text names the pool and says what to do."""


class AddressError(LocalError):
    """A certain address cannot be leased: no pool has it, or somebody else does."""


@dataclass(frozen=True, slots=True)
class Rest:
    """An address that may not go to anybody but `owner` before `until` (seconds)."""

    address: str
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Numbers of addresses of one pool."""

    prefix: str
    size: int
    leased: int
    resting: int


def parse_prefix(prefix: str) -> Network:
    """The network of a pool; raises ConfigurationError when its width cannot be served."""
    try:
        network = ipaddress.ip_network(prefix)
    except ValueError as error:
        raise ConfigurationError(f"address pool {prefix!r}: {error}; write a network such as 10.99.0.0/16") from error
    allowed = _PREFIXES[network.version]
    if network.prefixlen not in allowed:
        raise ConfigurationError(
            f"address pool {prefix}: the prefix length of an IPv{network.version} pool is "
            f"{allowed.start} to {allowed.stop - 1}"
        )
    return network


class Pool:
    """Leases of one prefix. Memory follows the number of leases and resting addresses, not the prefix."""

    def __init__(self, prefix: str) -> None:
        self.network = parse_prefix(prefix)
        base = int(self.network.network_address)
        self._first = base + 2
        self._last = int(self.network.broadcast_address) - (1 if self.network.version == 4 else 0)
        self._taken = IntervalSet()
        self._leases: dict[int, str] = {}
        # In order of release; with one rest time for all this is also the order of `until`.
        self._resting: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._remembered: OrderedDict[str, int] = OrderedDict()

    @property
    def size(self) -> int:
        """How many addresses can be leased at most."""
        return self._last - self._first + 1

    def usage(self, now: float) -> Usage:
        self._wake(now)
        return Usage(str(self.network), self.size, len(self._leases), len(self._resting))

    def owner(self, address: str) -> str | None:
        """Who holds the lease of an address."""
        return self._leases.get(int(ipaddress.ip_address(address)))

    def lease(self, owner: str, now: float) -> str:
        """Gives `owner` an address; raises PoolFullError."""
        self._wake(now)
        number = self._choose(owner)
        if number is None:
            raise PoolFullError(
                f"address pool {self.network} is full: {len(self._leases)} leased and {len(self._resting)} resting "
                f"of {self.size}; widen the pool or shorten address_rest"
            )
        self._hold(number, owner)
        return str(self._text(number))

    def lease_exactly(self, address: str, owner: str, now: float) -> None:
        """Gives `owner` this address of the network; raises AddressError."""
        self._hold(self.leasable(address, owner, now), owner)

    def leasable(self, address: str, owner: str, now: float) -> int:
        """The number of an address of the network that `owner` could have now; raises AddressError."""
        self._wake(now)
        number = int(ipaddress.ip_address(address))
        if not self._first <= number <= self._last:
            raise AddressError(f"{address} is not for clients: it is one of the first or last of {self.network}")
        if not self._open_to(number, owner):
            raise AddressError(f"{address} is in use; give users addresses of a pool from which nobody else gets any")
        return number

    def claim(self, address: str, owner: str) -> bool:
        """Takes a known address back after a restart; False when another owner holds it or it is not leasable."""
        parsed = ipaddress.ip_address(address)
        number = int(parsed)
        if parsed.version != self.network.version or not self._first <= number <= self._last:
            return False
        if self._leases.get(number, owner) != owner:
            return False
        self._hold(number, owner)
        return True

    def release(self, address: str, now: float, rest: float) -> Rest | None:
        """Ends a lease; the address rests for `rest` seconds. None when it was not leased."""
        number = int(ipaddress.ip_address(address))
        owner = self._leases.pop(number, None)
        if owner is None:
            return None
        self._remembered[owner] = number
        self._remembered.move_to_end(owner)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return self._lay_down(number, owner, now + rest)

    def restore_rest(self, rest: Rest) -> None:
        """Puts back to rest an address that rested before a restart; call in order of `until`."""
        number = int(ipaddress.ip_address(rest.address))
        if self._first <= number <= self._last and number not in self._leases:
            self._lay_down(number, rest.owner, rest.until)

    def _lay_down(self, number: int, owner: str, until: float) -> Rest:
        self._resting[number] = (owner, until)
        self._resting.move_to_end(number)
        self._taken.add(number)
        return Rest(str(self._text(number)), owner, until)

    def _wake(self, now: float) -> None:
        while self._resting:
            number, (_, until) = next(iter(self._resting.items()))
            if until > now:
                return
            del self._resting[number]
            self._taken.remove(number)

    def _choose(self, owner: str) -> int | None:
        home = self._first + (zlib.crc32(owner.encode()) * self.size >> 32)
        for number in (self._remembered.get(owner), home):
            if number is not None and self._open_to(number, owner):
                return number
        for start, last in ((home, self._last), (self._first, home - 1)):
            number = self._taken.next_absent(start)
            if number <= last:
                return number
        return None

    def _open_to(self, number: int, owner: str) -> bool:
        if number in self._leases:
            return False
        resting = self._resting.get(number)
        return resting is None or resting[0] == owner

    def _hold(self, number: int, owner: str) -> None:
        self._resting.pop(number, None)
        self._leases[number] = owner
        self._taken.add(number)

    def _text(self, number: int) -> Address:
        return self.network.network_address + (number - int(self.network.network_address))
