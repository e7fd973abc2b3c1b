# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool against a model made of plain sets: whatever the order of leases, releases and waiting."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from wolfguard.address.pool import Pool, PoolFullError

PREFIX = "192.0.2.0/28"
REST = 60
HOSTS = {str(host) for host in ipaddress.ip_network(PREFIX).hosts()} - {"192.0.2.1"}
owners = st.sampled_from(["anna", "bert", "carla", "dirk"])


class PoolModel(RuleBasedStateMachine):
    leases: Bundle[str] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(PREFIX)
        self.now = 1000.0
        self.held: dict[str, str] = {}
        self.resting: dict[str, tuple[str, float]] = {}

    def free_for(self, owner: str) -> set[str]:
        resting = {address for address, (last, until) in self.resting.items() if until > self.now and last != owner}
        return HOSTS - self.held.keys() - resting

    @rule(target=leases, owner=owners)
    def lease(self, owner: str) -> str:
        others = {address for address, (_, until) in self.resting.items() if until > self.now}
        try:
            address = self.pool.lease(owner, self.now)
        except PoolFullError:
            # Its own resting addresses beyond the last one are no promise.
            assert not HOSTS - self.held.keys() - others
            return ""
        assert address in self.free_for(owner)
        self.held[address] = owner
        self.resting.pop(address, None)
        return address

    @rule(address=consumes(leases))
    def release(self, address: str) -> None:
        if address not in self.held:
            return
        rest = self.pool.release(address, self.now, REST)
        assert rest is not None
        self.resting[address] = (self.held.pop(address), self.now + REST)

    @rule(seconds=st.sampled_from([1, 30, 60]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def agrees(self) -> None:
        resting = {address for address, (_, until) in self.resting.items() if until > self.now}
        usage = self.pool.usage(self.now)
        assert (usage.leased, usage.resting) == (len(self.held), len(resting))
        assert all(self.pool.owner(address) == owner for address, owner in self.held.items())


TestPoolModel = PoolModel.TestCase
