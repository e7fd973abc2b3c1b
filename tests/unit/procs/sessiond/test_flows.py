# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins under way: bounded, bound to their source."""

from __future__ import annotations

from wolfguard.auth.chain import Factors
from wolfguard.auth.local import LocalBackend
from wolfguard.auth.login import Login, Site
from wolfguard.procs.sessiond.flows import Flow, Flows


def flow(name: str, source: str = "192.0.2.1", deadline: float = 100) -> Flow:
    return Flow(name, "main", source, Login(Site("main", (), ""), lambda group: Factors((LocalBackend(),))), deadline)


def test_a_flow_is_found_by_its_site_and_source_only() -> None:
    flows = Flows(4, 4)
    one = flow("a")
    assert flows.add(one)
    assert flows.find("a", "main", "192.0.2.1") is one
    assert flows.find("a", "other", "192.0.2.1") is None
    assert flows.find("a", "main", "192.0.2.2") is None
    assert flows.find("b", "main", "192.0.2.1") is None


def test_those_who_wait_for_a_person_give_way_oldest_first() -> None:
    flows = Flows(3, 3)
    made = [flow(name, f"192.0.2.{number}") for number, name in enumerate("abc")]
    for each in made:
        assert flows.add(each)
    assert not flows.add(flow("d")), "all are being worked on"
    flows.rest(made[1])
    flows.rest(made[0])
    assert flows.add(flow("d"))
    assert flows.named("b") is None
    assert flows.named("a") is made[0]


def test_one_source_displaces_its_own_only() -> None:
    flows = Flows(10, 2)
    mine = [flow("a"), flow("b")]
    other = flow("c", "192.0.2.2")
    for each in (other, *mine):
        flows.add(each)
        flows.rest(each)
    assert flows.add(flow("d"))
    assert flows.named("c") is other
    assert flows.named("a") is None


def test_time_and_ends() -> None:
    flows = Flows(4, 4)
    idle, busy = flow("a", deadline=50), flow("b", deadline=50)
    for each in (idle, busy):
        flows.add(each)
    flows.rest(idle)
    flows.forget(50)
    assert len(flows) == 1, "what is being worked on is not forgotten"
    flows.rest(busy)
    assert flows.idle(busy)
    flows.work(busy)
    assert not flows.idle(busy)
    flows.remove(busy)
    flows.remove(busy)
    flows.rest(busy)
    assert not flows.idle(busy)
    assert len(flows) == 0
