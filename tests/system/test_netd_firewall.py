# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's table on real packets: spoofing, default deny, answers, masquerade, and nothing for other traffic."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from tests.system import packets
from tests.system.netd_ground import (
    CLIENT4,
    CLIENT6,
    ELSEWHERE4,
    OTHER4,
    UPSTREAM4,
    UPSTREAM6,
    Ground,
    configuration,
)
from wolfguard.config.site import Firewall
from wolfguard.linux.routes import Lease
from wolfguard.procs.netd.installation import Installation
from wolfguard.procs.netd.plan import Plan, make_plan

FAMILIES = [pytest.param(CLIENT4, UPSTREAM4, id="ipv4"), pytest.param(CLIENT6, UPSTREAM6, id="ipv6")]


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


def installed(ground: Ground, firewall: Firewall) -> Installation:
    """Two clients on slot 0 and 1; each family's first on slot 0."""
    installation = ground.install(configuration(firewall))
    leases = [(CLIENT4, 0), (CLIENT6, 0), (OTHER4, 1)]
    installation.set_leases([Lease(ipaddress.ip_network(address), slot, 1400, 1) for address, slot in leases])
    return installation


def planned(firewall: Firewall) -> Plan:
    return make_plan(configuration(firewall), 2)


def dropped(installation: Installation, counter: str) -> int:
    return installation.counters()[counter].packets


@pytest.mark.parametrize(("client", "upstream"), FAMILIES)
def test_a_source_of_another_device_is_dropped(ground: Ground, client: str, upstream: str) -> None:
    installation = installed(ground, Firewall())
    wire = ground.capture("eth0")
    ground.from_client(1, packets.udp(client, upstream, b"spoofed"))
    assert dropped(installation, "spoofed_by_client") == 1
    ground.from_client(0, packets.udp(client, upstream, b"true"))
    seen = wire.until(lambda packet: packet.source == client)
    assert seen[-1].text == b"true"
    assert dropped(installation, "spoofed_by_client") == 1


@pytest.mark.parametrize("source", ["10.99.0.1", "10.99.0.200", "198.51.100.2", "127.0.0.1", "192.0.2.1", "10.99.0.8"])
def test_no_strange_source_comes_out_of_a_device(ground: Ground, source: str) -> None:
    installation = installed(ground, Firewall())
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(source, UPSTREAM4, b"spoofed"))
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"true"))
    seen = wire.until(lambda packet: packet.source == CLIENT4)
    assert [packet for packet in seen if packet.source == source] == []
    assert dropped(installation, "spoofed_by_client") == 1


@pytest.mark.parametrize("source", ["fe80::1", "::1", "fd99::1", "2001:db8:2::2", "ff02::1"])
def test_no_strange_ipv6_source_comes_out_of_a_device(ground: Ground, source: str) -> None:
    installed(ground, Firewall())
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(source, UPSTREAM6, b"spoofed"))
    ground.from_client(0, packets.udp(CLIENT6, UPSTREAM6, b"true"))
    seen = wire.until(lambda packet: packet.source == CLIENT6)
    assert [packet for packet in seen if packet.source == source] == []


def test_a_clients_source_from_elsewhere_is_dropped(ground: Ground) -> None:
    installation = installed(ground, Firewall(client_to_client=True, accept_from=("0.0.0.0/0",)))
    ground.from_upstream(packets.udp(OTHER4, CLIENT4, b"spoofed"))
    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"true"))
    assert ground.at_client(0).text == b"true"
    assert dropped(installation, "spoofed_outside") == 1


@pytest.mark.parametrize(("client", "upstream"), FAMILIES)
def test_nobody_opens_flows_to_clients_but_answers_pass(ground: Ground, client: str, upstream: str) -> None:
    installation = installed(ground, Firewall())
    wire = ground.capture("eth0")
    ground.from_upstream(packets.udp(upstream, client, b"unasked", (4001, 4000)))
    ground.from_client(0, packets.udp(client, upstream, b"question", (5000, 5001)))
    wire.until(lambda packet: packet.source == client)
    ground.from_upstream(packets.udp(upstream, client, b"answer", (5001, 5000)))
    assert ground.at_client(0).text == b"answer"
    assert dropped(installation, "denied_to_client") == 1


def test_accept_from_opens_flows_to_clients(ground: Ground) -> None:
    installation = installed(ground, Firewall(forward_to=(), accept_from=(f"{UPSTREAM4}/32",)))
    wire = ground.capture("eth0")
    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"question", (6000, 6001)))
    assert ground.at_client(0).text == b"question"
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"answer", (6001, 6000)))
    assert wire.until(lambda packet: packet.source == CLIENT4)[-1].text == b"answer"
    assert dropped(installation, "denied_from_client") == 0


def test_clients_reach_listed_networks_only(ground: Ground) -> None:
    installation = installed(ground, Firewall(forward_to=("198.51.100.0/24", "198.51.100.0/25")))
    near, far = ground.capture("eth0"), ground.capture("eth1")
    ground.from_client(0, packets.udp(CLIENT4, ELSEWHERE4, b"denied"))
    assert dropped(installation, "denied_from_client") == 1
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"allowed"))
    near.until(lambda packet: packet.source == CLIENT4)
    ground.from_upstream(packets.udp(UPSTREAM4, ELSEWHERE4, b"marker"))
    seen = far.until(lambda packet: packet.destination == ELSEWHERE4)
    assert [packet.text for packet in seen if packet.destination == ELSEWHERE4] == [b"marker"]


def test_a_network_that_is_taken_away_is_lost_at_once(ground: Ground) -> None:
    installation = installed(ground, Firewall())
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"before"))
    wire.until(lambda packet: packet.source == CLIENT4)
    installation.change(planned(Firewall(forward_to=("192.0.2.0/24",))))
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"after"))
    assert dropped(installation, "denied_from_client") == 1, "an open flow outlived its permission"


@pytest.mark.parametrize("allowed", [False, True])
def test_client_to_client(ground: Ground, allowed: bool) -> None:
    installation = installed(ground, Firewall(client_to_client=allowed, accept_from=("0.0.0.0/0",)))
    ground.from_client(0, packets.udp(CLIENT4, OTHER4, b"neighbour"))
    ground.from_upstream(packets.udp(UPSTREAM4, OTHER4, b"marker"))
    assert ground.at_client(1).text == (b"neighbour" if allowed else b"marker")
    assert dropped(installation, "denied_between_clients") == (0 if allowed else 1)


def test_clients_reach_the_gateway_itself_only_as_the_networks_say(ground: Ground) -> None:
    installation = installed(ground, Firewall(forward_to=("192.0.2.0/24",)))
    ground.from_client(0, packets.udp(CLIENT4, "198.51.100.1", b"a service of the gateway's machine"))
    assert dropped(installation, "denied_to_gateway") == 1
    ground.from_client(0, packets.echo_request(CLIENT4, "10.99.0.1"))
    assert ground.at_client(0).icmp[:2] == (0, 0)
    installation.change(planned(Firewall()))
    ground.from_client(0, packets.udp(CLIENT4, "198.51.100.1", b"a service of the gateway's machine"))
    assert ground.at_client(0).icmp[:2] == (3, 3), "let in, and nobody listens there"


@pytest.mark.parametrize(
    ("client", "upstream", "gateway"),
    [(CLIENT4, UPSTREAM4, "198.51.100.1"), (CLIENT6, UPSTREAM6, "2001:db8:2::1")],
    ids=["ipv4", "ipv6"],
)
def test_masquerade(ground: Ground, client: str, upstream: str, gateway: str) -> None:
    installed(ground, Firewall(masquerade=True))
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(client, upstream, b"question", (7000, 7001)))
    seen = wire.until(lambda packet: packet.source == gateway and packet.protocol == 17)[-1]
    assert seen.text == b"question"
    ground.from_upstream(packets.udp(upstream, gateway, b"answer", (7001, seen.ports[0])))
    answer = ground.at_client(0)
    assert (answer.destination, answer.text, answer.ports) == (client, b"answer", (7001, 7000))


def test_other_traffic_is_left_alone(ground: Ground) -> None:
    installation = installed(ground, Firewall(forward_to=(), masquerade=True))
    far = ground.capture("eth1")
    ground.from_upstream(packets.udp(UPSTREAM4, ELSEWHERE4, b"through"))
    seen = far.until(lambda packet: packet.destination == ELSEWHERE4)[-1]
    assert (seen.source, seen.text) == (UPSTREAM4, b"through")
    counted = {name: each.packets for name, each in installation.counters().items()}
    del counted["multicast_suppressed"]  # the kernel greets groups when a device comes up
    assert set(counted.values()) == {0}


def test_no_redirects_for_clients(ground: Ground) -> None:
    """Two clients behind one device: the kernel would send an ICMP redirect for each packet between them."""
    installation = ground.install(configuration(Firewall(client_to_client=True)))
    leases = [Lease(ipaddress.ip_network(address), 0, 1400, 1) for address in (CLIENT4, OTHER4)]
    installation.set_leases(leases)
    ground.from_client(0, packets.udp(CLIENT4, OTHER4, b"neighbour"))
    assert ground.at_client(0).text == b"neighbour"
    assert ground.nothing_waits(0)
