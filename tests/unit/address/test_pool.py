# SPDX-License-Identifier: GPL-3.0-or-later
"""One pool: what is leased, what never is, rests and returns."""

from __future__ import annotations

import pytest

from wolfguard.address.pool import Pool, PoolFullError, Rest, parse_prefix
from wolfguard.errors import ConfigurationError

NOW = 1000.0


@pytest.mark.parametrize("prefix", ["10.0.0.0/7", "10.0.0.0/31", "2001:db8::/47", "2001:db8::/125", "10.0.0.1/24", "x"])
def test_prefixes_that_cannot_be_served_are_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_prefix(prefix)


def test_network_broadcast_and_gateway_are_never_leased() -> None:
    pool = Pool("192.0.2.0/29")
    given = {pool.lease(f"user{number}", NOW) for number in range(pool.size)}
    assert given == {f"192.0.2.{last}" for last in range(2, 7)}


def test_the_smallest_pools_serve_what_they_can() -> None:
    assert Pool("192.0.2.0/30").lease("anna", NOW) == "192.0.2.2"
    pool = Pool("2001:db8::/124")
    given = {pool.lease(f"user{number}", NOW) for number in range(pool.size)}
    assert given == {f"2001:db8::{last:x}" for last in range(2, 16)}


def test_a_full_pool_says_so_and_what_to_do() -> None:
    pool = Pool("192.0.2.0/30")
    pool.lease("anna", NOW)
    with pytest.raises(PoolFullError, match=r"192\.0\.2\.0/30 is full.*widen"):
        pool.lease("bert", NOW)


def test_wide_pools_cost_nothing_but_their_leases() -> None:
    for prefix in ("10.0.0.0/8", "2001:db8::/48"):
        pool = Pool(prefix)
        given = {pool.lease(f"user{number}", NOW) for number in range(500)}
        assert len(given) == 500
        assert pool.usage(NOW).leased == 500


def test_an_address_rests_before_another_owner_gets_it() -> None:
    pool = Pool("192.0.2.0/30")
    address = pool.lease("anna", NOW)
    assert pool.release(address, NOW, 60) == Rest(address, "anna", NOW + 60)
    with pytest.raises(PoolFullError):
        pool.lease("bert", NOW + 59)
    assert pool.lease("bert", NOW + 60) == address


def test_the_same_owner_gets_a_resting_address_back_at_once() -> None:
    pool = Pool("10.0.0.0/24")
    address = pool.lease("anna", NOW)
    pool.release(address, NOW, 60)
    assert pool.lease("anna", NOW + 1) == address


def test_a_returning_owner_gets_the_address_of_last_time_even_when_its_home_is_free() -> None:
    pool = Pool("10.0.0.0/24")
    first = pool.lease("anna", NOW)
    second = pool.lease("anna", NOW)
    assert second != first
    pool.release(first, NOW, 0)
    pool.release(second, NOW, 0)
    assert pool.lease("anna", NOW + 1) == second


def test_a_restart_does_not_change_where_an_owner_lands() -> None:
    assert Pool("10.0.0.0/16").lease("anna", NOW) == Pool("10.0.0.0/16").lease("anna", NOW + 5)


def test_claims_after_a_restart() -> None:
    pool = Pool("192.0.2.0/28")
    assert pool.claim("192.0.2.5", "anna")
    assert pool.claim("192.0.2.5", "anna")
    assert not pool.claim("192.0.2.5", "bert")
    assert not pool.claim("192.0.2.0", "bert")
    assert not pool.claim("192.0.2.1", "bert")
    assert not pool.claim("2001:db8::5", "bert")
    assert pool.owner("192.0.2.5") == "anna"


def test_rests_come_back_after_a_restart() -> None:
    pool = Pool("192.0.2.0/30")
    pool.restore_rest(Rest("192.0.2.2", "anna", NOW + 30))
    with pytest.raises(PoolFullError):
        pool.lease("bert", NOW)
    assert pool.lease("bert", NOW + 30) == "192.0.2.2"


def test_releasing_what_is_not_leased_does_nothing() -> None:
    assert Pool("192.0.2.0/28").release("192.0.2.5", NOW, 60) is None
