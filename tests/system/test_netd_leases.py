# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases on real TUN devices: who gets a client's packets, and that nobody else ever does."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from tests.system import packets
from tests.system.netd_ground import (
    CLIENT4,
    CLIENT6,
    ELSEWHERE4,
    ELSEWHERE6,
    GATEWAY4,
    GATEWAY6,
    UPSTREAM4,
    UPSTREAM6,
    Ground,
    Wire,
)
from wolfguard.linux.routes import Lease
from wolfguard.procs.netd.installation import OutsidePoolsError

FAMILIES = [
    pytest.param(CLIENT4, UPSTREAM4, ELSEWHERE4, id="ipv4"),
    pytest.param(CLIENT6, UPSTREAM6, ELSEWHERE6, id="ipv6"),
]


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


def lease(address: str, slot: int = 0, epoch: int = 1, mtu: int = 1400) -> Lease:
    return Lease(ipaddress.ip_network(address), slot, mtu, epoch)


@pytest.mark.parametrize(("client", "upstream", "elsewhere"), FAMILIES)
def test_packets_follow_the_lease(ground: Ground, client: str, upstream: str, elsewhere: str) -> None:
    installation = ground.install()
    installation.set_leases([lease(client, slot=0, epoch=1)])
    ground.from_upstream(packets.udp(upstream, client, b"first"))
    assert ground.at_client(0).text == b"first"

    installation.set_leases([lease(client, slot=1, epoch=2)])
    ground.from_upstream(packets.udp(upstream, client, b"second"))
    assert ground.at_client(1).text == b"second"
    assert ground.nothing_waits(0)

    installation.set_leases([lease(client, slot=0, epoch=1)])
    ground.from_upstream(packets.udp(upstream, client, b"third"))
    assert ground.at_client(1).text == b"third", "an older epoch took the lease back"

    assert installation.drop_leases([lease(client, slot=0, epoch=1)]) == []
    ground.from_upstream(packets.udp(upstream, client, b"fourth"))
    assert ground.at_client(1).text == b"fourth", "an older epoch ended the lease"


@pytest.mark.parametrize(("client", "upstream", "elsewhere"), FAMILIES)
def test_freed_address_is_unreachable_at_once(ground: Ground, client: str, upstream: str, elsewhere: str) -> None:
    installation = ground.install()
    answers, leaks = ground.capture("eth0"), ground.capture("eth1")
    installation.set_leases([lease(client)])
    assert installation.drop_leases([lease(client)]) == [ipaddress.ip_network(client)]
    ground.from_upstream(packets.udp(upstream, client, b"late"))
    _expect_unreachable_and_no_leak(ground, answers, leaks, client, upstream, elsewhere)


@pytest.mark.parametrize(("client", "upstream", "elsewhere"), FAMILIES)
def test_pool_stays_unreachable_when_the_devices_vanish(
    ground: Ground, client: str, upstream: str, elsewhere: str
) -> None:
    installation = ground.install()
    answers, leaks = ground.capture("eth0"), ground.capture("eth1")
    installation.set_leases([lease(client)])
    ground.close_tuns()
    ground.from_upstream(packets.udp(upstream, client, b"secret"))
    _expect_unreachable_and_no_leak(ground, answers, leaks, client, upstream, elsewhere)


def _expect_unreachable_and_no_leak(
    ground: Ground, answers: Wire, leaks: Wire, client: str, upstream: str, elsewhere: str
) -> None:
    unreachable = (1, 0) if ":" in client else (3, 1)
    last = answers.until(lambda packet: packet.protocol in (1, 58) and packet.icmp[:2] == unreachable)[-1]
    assert last.destination == upstream
    # What is for somebody else takes the default route, behind whatever leaked before it.
    ground.from_upstream(packets.udp(upstream, elsewhere, b"marker"))
    seen = leaks.until(lambda packet: packet.destination == elsewhere)
    assert [packet for packet in seen if packet.destination == client] == []


@pytest.mark.parametrize(("client", "upstream", "elsewhere"), FAMILIES)
def test_route_carries_the_session_mtu(ground: Ground, client: str, upstream: str, elsewhere: str) -> None:
    installation = ground.install()
    answers = ground.capture("eth0")
    installation.set_leases([lease(client, mtu=1300)])
    ground.from_upstream(packets.udp(upstream, client, bytes(1330), fragment=False))
    wanted = (2, 0, 1300) if ":" in client else (3, 4, 1300)
    last = answers.until(lambda packet: packet.protocol in (1, 58) and packet.icmp == wanted)[-1]
    assert last.destination == upstream
    assert ground.nothing_waits(0)

    installation.set_leases([lease(client, mtu=1400, epoch=2)])
    ground.from_upstream(packets.udp(upstream, client, bytes(1330), fragment=False))
    assert len(ground.at_client(0).text) == 1330


def test_a_lease_can_be_a_network(ground: Ground) -> None:
    installation = ground.install()
    installation.set_leases([lease("10.99.4.0/24"), lease("10.99.4.9", slot=1)])
    ground.from_upstream(packets.udp(UPSTREAM4, "10.99.4.8", b"wide"))
    assert ground.at_client(0).text == b"wide"
    ground.from_upstream(packets.udp(UPSTREAM4, "10.99.4.9", b"narrow"))
    assert ground.at_client(1).text == b"narrow"


@pytest.mark.parametrize("network", ["0.0.0.0/0", "10.98.0.1", "198.51.100.2", "::/0", "fd98::1", "10.0.0.0/8"])
def test_nothing_outside_the_pools_is_routed(ground: Ground, network: str) -> None:
    installation = ground.install()
    with pytest.raises(OutsidePoolsError, match="pools"):
        installation.set_leases([lease(network), lease(CLIENT4)])
    assert installation.leases.page(None, 10)[0] == [lease(CLIENT4)], "one bad route keeps no other client out"


@pytest.mark.parametrize("slot", [-1, 2])
def test_a_slot_that_is_not_there_is_refused(ground: Ground, slot: int) -> None:
    with pytest.raises(OutsidePoolsError, match="slot"):
        ground.install().set_leases([lease(CLIENT4, slot=slot)])


@pytest.mark.parametrize(("gateway", "client"), [(GATEWAY4, CLIENT4), (GATEWAY6, CLIENT6)])
def test_gateway_answers_clients_from_its_own_address(ground: Ground, gateway: str, client: str) -> None:
    ground.install().set_leases([lease(client, slot=1)])
    ground.from_client(1, packets.echo_request(client, gateway))
    answer = ground.at_client(1)
    assert (answer.source, answer.destination) == (gateway, client)


def test_ten_thousand_leases_in_one_go(ground: Ground) -> None:
    installation = ground.install()
    many = [lease(f"10.99.{number >> 8}.{number & 255}", slot=number % 2) for number in range(300, 10300)]
    installation.set_leases(many)
    assert len(installation.leases) == len(many)
    moved = [lease(str(each.network), slot=1 - each.slot, epoch=2) for each in many]
    installation.set_leases(moved)
    ground.from_upstream(packets.udp(UPSTREAM4, "10.99.30.0", b"moved"))
    assert ground.at_client(1 - (30 * 256) % 2).text == b"moved"
    assert len(installation.drop_leases(moved)) == len(many)
    assert len(installation.leases) == 0
