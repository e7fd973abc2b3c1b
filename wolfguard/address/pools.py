# SPDX-License-Identifier: GPL-3.0-or-later
"""All pools of the gateway, by prefix: groups that name the same prefix share one pool, overlaps are refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from wolfguard.address.pool import AddressError, Pool, Rest, Usage, parse_prefix
from wolfguard.errors import ConfigurationError, LocalError


class Pools:
    """Leases across prefixes. A prefix that a reload removes keeps its leases until they end, but gives no new ones."""

    def __init__(self, prefixes: Iterable[str], rest: float) -> None:
        self._pools: dict[str, Pool] = {}
        self._open: set[str] = set()
        self._rest = rest
        self.reconfigure(prefixes, rest)

    def reconfigure(self, prefixes: Iterable[str], rest: float) -> None:
        """Replaces the set of prefixes that may be leased from; raises ConfigurationError and changes nothing."""
        wanted = {str(parse_prefix(prefix)): parse_prefix(prefix) for prefix in prefixes}
        occupied = [pool.network for pool in self._pools.values() if pool.usage(0.0).leased]
        ordered = list(wanted.values())
        for position, one in enumerate(ordered):
            for other in (*ordered[position + 1 :], *occupied):
                if one != other and one.version == other.version and one.overlaps(other):
                    raise ConfigurationError(f"address pools {one} and {other} overlap: give them disjoint networks")
        kept = {text: pool for text, pool in self._pools.items() if text in wanted or pool.usage(0.0).leased}
        for text in wanted:
            kept.setdefault(text, Pool(text))
        self._pools = kept
        self._open = set(wanted)
        self._rest = rest

    def lease(self, prefix: str, owner: str, now: float) -> str:
        """An address of `prefix` for `owner`, as canonical text; raises PoolFullError."""
        text = str(parse_prefix(prefix))
        if text not in self._open:
            raise LocalError(f"{prefix} is not a configured address pool")
        return self._pools[text].lease(owner, now)

    def lease_exactly(self, address: str, owner: str, now: float) -> None:
        """This address for `owner`; raises AddressError."""
        self._open_pool(address).lease_exactly(address, owner, now)

    def leasable(self, address: str, owner: str, now: float) -> None:
        """Whether `owner` could have this address now; raises AddressError."""
        self._open_pool(address).leasable(address, owner, now)

    def _open_pool(self, address: str) -> Pool:
        pool = self._of(address)
        if pool is None or str(pool.network) not in self._open:
            raise AddressError(f"{address} is in no address pool; add one that has it to the site file")
        return pool

    def claim(self, address: str, owner: str) -> bool:
        """Takes a lease back after a restart; False when no pool has it or somebody else holds it."""
        pool = self._of(address)
        return pool is not None and pool.claim(address, owner)

    def owned_by_other(self, address: str, owner: str) -> bool:
        """Whether somebody else holds the lease of an address."""
        pool = self._of(address)
        holder = None if pool is None else pool.owner(address)
        return holder is not None and holder != owner

    def release(self, address: str, now: float) -> Rest | None:
        """Ends a lease and lets the address rest; None when it was not leased."""
        pool = self._of(address)
        return None if pool is None else pool.release(address, now, self._rest)

    def restore_rest(self, rests: Iterable[Rest]) -> None:
        """Puts addresses back to rest after a restart."""
        for rest in sorted(rests, key=lambda each: each.until):
            pool = self._of(rest.address)
            if pool is not None:
                pool.restore_rest(rest)

    def usage(self, now: float) -> tuple[Usage, ...]:
        return tuple(pool.usage(now) for pool in self._pools.values())

    def _of(self, address: str) -> Pool | None:
        parsed = ipaddress.ip_address(address)
        for pool in self._pools.values():
            if parsed.version == pool.network.version and parsed in pool.network:
                return pool
        return None
