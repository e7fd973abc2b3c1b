# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease table: epochs decide, pages are complete."""

from __future__ import annotations

import ipaddress

from wolfguard.linux.routes import Lease, LeaseTable, is_inside


def lease(network: str, slot: int = 0, epoch: int = 1) -> Lease:
    return Lease(ipaddress.ip_network(network), slot, 1400, epoch)


def table(*leases: Lease) -> LeaseTable:
    made = LeaseTable()
    for each in leases:
        made.installed(each)
    return made


def test_newer_and_equal_epochs_win() -> None:
    made = table(lease("10.0.0.1", epoch=5))
    assert made.newer([lease("10.0.0.1", epoch=4)]) == []
    assert made.newer([lease("10.0.0.1", slot=1, epoch=5)]) == [lease("10.0.0.1", slot=1, epoch=5)]
    assert made.newer([lease("10.0.0.1", epoch=6)]) == [lease("10.0.0.1", epoch=6)]


def test_newest_of_one_request_wins_whatever_its_order() -> None:
    wanted = [lease("10.0.0.1", slot=1, epoch=7), lease("10.0.0.1", slot=0, epoch=6), lease("10.0.0.2")]
    assert LeaseTable().newer(wanted) == [wanted[0], wanted[2]]
    assert LeaseTable().newer(reversed(wanted)) == [wanted[2], wanted[0]]


def test_asking_changes_nothing() -> None:
    made = LeaseTable()
    made.newer([lease("10.0.0.1")])
    assert len(made) == 0
    made.installed(lease("10.0.0.1"))
    made.ended([lease("10.0.0.1")])
    assert len(made) == 1


def test_only_what_is_not_newer_ends() -> None:
    made = table(lease("10.0.0.1", slot=1, epoch=5))
    assert made.ended([lease("10.0.0.1", epoch=4), lease("10.0.0.2", epoch=9)]) == []
    # what is removed is what is installed, not what the request thinks
    assert made.ended([lease("10.0.0.1", slot=0, epoch=5)] * 2) == [lease("10.0.0.1", slot=1, epoch=5)]


def test_pages_follow_the_order_of_addresses_through_changes() -> None:
    leases = [lease(f"10.0.0.{number}") for number in (1, 2, 9, 10)] + [lease("10.0.1.0/24"), lease("fd00::1")]
    made = table(*reversed(leases))
    page, more = made.page(None, 3)
    assert (page, more) == (leases[:3], True)
    made.removed(ipaddress.ip_network("10.0.0.9"))
    made.installed(lease("10.0.0.0"))
    page, more = made.page(ipaddress.ip_network("10.0.0.9"), 3)
    assert (page, more) == (leases[3:], False)
    assert made.page(ipaddress.ip_network("fd00::1"), 3) == ([], False)


def test_inside() -> None:
    def inside(network: str, outer: str) -> bool:
        return is_inside(ipaddress.ip_network(network), ipaddress.ip_network(outer))

    assert inside("10.0.0.7", "10.0.0.0/8")
    assert inside("10.0.0.0/8", "10.0.0.0/8")
    assert inside("fd00::7", "fd00::/64")
    assert not inside("10.0.0.0/7", "10.0.0.0/8")
    assert not inside("10.0.0.7", "::/0")
    assert not inside("::a00:7", "10.0.0.0/8")
    assert table(lease("10.0.0.7")).any_inside(ipaddress.ip_network("10.0.0.0/24"))
    assert not table(lease("10.0.0.7")).any_inside(ipaddress.ip_network("fd00::/8"))
