# SPDX-License-Identifier: GPL-3.0-or-later
"""All pools together: families, overlaps, reloads."""

from __future__ import annotations

import pytest

from wolfguard.address.pool import AddressError, Rest
from wolfguard.address.pools import Pools
from wolfguard.errors import ConfigurationError, LocalError


def test_two_families_lease_apart() -> None:
    pools = Pools(["10.0.0.0/24", "2001:db8::/64"], 60)
    assert pools.lease("10.0.0.0/24", "anna", 0).startswith("10.0.0.")
    assert pools.lease("2001:db8::/64", "anna", 0).startswith("2001:db8::")


def test_overlapping_pools_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="overlap"):
        Pools(["10.0.0.0/16", "10.0.1.0/24"], 60)


def test_the_same_pool_twice_is_one_pool() -> None:
    pools = Pools(["10.0.0.0/30", "10.0.0.0/30"], 60)
    pools.lease("10.0.0.0/30", "anna", 0)
    assert [use.leased for use in pools.usage(0)] == [1]


def test_a_removed_pool_keeps_its_leases_and_gives_no_new_ones() -> None:
    pools = Pools(["10.0.0.0/24"], 60)
    address = pools.lease("10.0.0.0/24", "anna", 0)
    pools.reconfigure(["10.0.1.0/24"], 60)
    with pytest.raises(LocalError):
        pools.lease("10.0.0.0/24", "bert", 0)
    assert pools.owned_by_other(address, "bert")
    assert pools.release(address, 5) == Rest(address, "anna", 65)


def test_a_reload_may_not_lay_a_pool_over_live_leases() -> None:
    pools = Pools(["10.0.0.0/24"], 60)
    pools.lease("10.0.0.0/24", "anna", 0)
    with pytest.raises(ConfigurationError, match="overlap"):
        pools.reconfigure(["10.0.0.0/16"], 60)
    assert pools.lease("10.0.0.0/24", "bert", 0)


def test_addresses_outside_all_pools_are_nobodys() -> None:
    pools = Pools(["10.0.0.0/24"], 60)
    assert not pools.claim("192.0.2.7", "anna")
    assert not pools.owned_by_other("192.0.2.7", "anna")
    assert pools.release("192.0.2.7", 0) is None
    pools.restore_rest([Rest("192.0.2.7", "anna", 10)])


def test_a_certain_address() -> None:
    pools = Pools(["10.0.0.0/29", "2001:db8::/64"], 60)
    pools.lease_exactly("10.0.0.5", "anna", 0)
    assert pools.owned_by_other("10.0.0.5", "ben")
    pools.leasable("2001:db8::77", "anna", 0)
    pools.lease_exactly("2001:db8::77", "anna", 0)
    assert [use.leased for use in pools.usage(0)] == [1, 1]
    assert "10.0.0.5" not in {pools.lease("10.0.0.0/29", f"user{number}", 0) for number in range(4)}


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "2001:db8::5"])
def test_an_address_that_is_not_for_clients(address: str) -> None:
    pools = Pools(["10.0.0.0/29"], 60)
    with pytest.raises(AddressError):
        pools.lease_exactly(address, "anna", 0)
    assert pools.usage(0)[0].leased == 0


def test_an_address_that_is_in_use() -> None:
    pools = Pools(["10.0.0.0/29"], 60)
    pools.lease_exactly("10.0.0.5", "anna", 0)
    for owner in ("ben", "anna"):
        with pytest.raises(AddressError, match="in use"):
            pools.leasable("10.0.0.5", owner, 0)
    pools.release("10.0.0.5", 10)
    with pytest.raises(AddressError, match="in use"):
        pools.lease_exactly("10.0.0.5", "ben", 69)
    pools.leasable("10.0.0.5", "anna", 69)
    pools.lease_exactly("10.0.0.5", "ben", 70)


def test_a_certain_address_of_a_removed_pool() -> None:
    pools = Pools(["10.0.0.0/29"], 60)
    pools.lease_exactly("10.0.0.5", "anna", 0)
    pools.reconfigure(["10.1.0.0/29"], 60)
    with pytest.raises(AddressError, match="in no address pool"):
        pools.lease_exactly("10.0.0.6", "ben", 0)
