# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's table on real packets: spoofing, default deny, answers, masquerade, and nothing for other traffic."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

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
    run,
)
from wolfguard.config.site import AccessList, Firewall
from wolfguard.linux import firewall
from wolfguard.linux.nftables import Command, Nftables
from wolfguard.linux.routes import Lease
from wolfguard.procs.netd.installation import Installation
from wolfguard.procs.netd.plan import Plan, make_plan

FAMILIES = [pytest.param(CLIENT4, UPSTREAM4, id="ipv4"), pytest.param(CLIENT6, UPSTREAM6, id="ipv6")]


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


def installed(ground: Ground, rules: Firewall) -> Installation:
    """Two clients on slot 0 and 1; each family's first on slot 0."""
    installation = ground.install(configuration(rules))
    leases = [(CLIENT4, 0), (CLIENT6, 0), (OTHER4, 1)]
    installation.set_leases([Lease(ipaddress.ip_network(address), slot, 1400, 1) for address, slot in leases])
    return installation


def planned(rules: Firewall) -> Plan:
    return make_plan(configuration(rules), 2)


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


# --- access lists ----------------------------------------------------------------------------------------------------

CONTRACTORS = AccessList(
    "contractors",
    allow=(f"{UPSTREAM4}/32 udp 7000-7009", f"{UPSTREAM6}/128 udp 7000-7009", "198.51.100.1/32 icmp"),
    accept_from=("198.51.100.8/32",),
)
LISTED = Firewall(access_lists=(CONTRACTORS,), accept_from=("0.0.0.0/0", "::/0"))


def placed(installation: Installation, access: str, *addresses: str, epoch: int = 1, slot: int = 0) -> None:
    installation.set_leases([Lease(ipaddress.ip_network(each), slot, 1400, epoch, access) for each in addresses])


@pytest.mark.parametrize(("client", "upstream"), FAMILIES)
def test_a_client_reaches_what_its_list_says(ground: Ground, client: str, upstream: str) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", client)
    wire = ground.capture("eth0")
    for port in (6999, 7010, 80):
        ground.from_client(0, packets.udp(client, upstream, b"denied", (5000, port)))
    assert dropped(installation, "denied_by_access") == 3
    ground.from_client(0, packets.udp(client, upstream, b"allowed", (5000, 7009)))
    seen = wire.until(lambda packet: packet.source == client)
    assert seen[-1].text == b"allowed"
    ground.from_upstream(packets.udp(upstream, client, b"answer", (7009, 5000)))
    assert ground.at_client(0).text == b"answer"


def test_nobody_opens_flows_to_a_client_but_whom_its_list_names(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", CLIENT4)
    placed(installation, "", OTHER4, slot=1)
    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"denied"))
    ground.from_upstream(packets.udp("198.51.100.8", CLIENT4, b"allowed"))
    assert ground.at_client(0).text == b"allowed"
    assert dropped(installation, "denied_by_access") == 1
    ground.from_upstream(packets.udp(UPSTREAM4, OTHER4, b"by the site's own"))
    assert ground.at_client(1).text == b"by the site's own"


def test_a_network_behind_a_client_goes_by_its_list(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", "10.99.64.0/24")
    ground.from_client(0, packets.udp("10.99.64.9", UPSTREAM4, b"denied"))
    assert dropped(installation, "denied_by_access") == 1


@pytest.mark.parametrize("access", ["-", "of-a-file-that-is-not-here-yet"])
def test_an_address_under_no_list_reaches_nothing(ground: Ground, access: str) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, access, CLIENT4)
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"denied"))
    ground.from_upstream(packets.udp(UPSTREAM4, CLIENT4, b"denied"))
    ground.from_client(0, packets.udp(CLIENT4, "198.51.100.1", b"denied"))
    assert dropped(installation, "denied_by_access") == 3
    assert ground.nothing_waits(0)


def test_a_list_that_comes_with_a_reload_lets_those_in_that_wait_for_it(ground: Ground) -> None:
    installation = ground.install(configuration(Firewall()))
    placed(installation, "contractors", CLIENT4)
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"denied", (5000, 7000)))
    installation.change(planned(LISTED))
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"allowed", (5000, 7000)))
    assert wire.until(lambda packet: packet.source == CLIENT4)[-1].text == b"allowed"
    assert dropped(installation, "denied_by_access") == 1


def test_a_client_that_is_moved_in_mid_flow_loses_what_its_new_list_has_not(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "", CLIENT4)
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"before", (5000, 80)))
    wire.until(lambda packet: packet.source == CLIENT4)
    placed(installation, "contractors", CLIENT4)
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"after", (5000, 80)))
    assert dropped(installation, "denied_by_access") == 1
    placed(installation, "", CLIENT4, epoch=0)
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"after", (5000, 80)))
    assert dropped(installation, "denied_by_access") == 2, "an older tunnel moves nobody"


def test_a_list_that_is_tightened_in_mid_flow(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", CLIENT4)
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"before", (5000, 7001)))
    wire.until(lambda packet: packet.source == CLIENT4)
    tight = AccessList("contractors", allow=(f"{UPSTREAM4}/32 udp 7000",))
    installation.change(planned(Firewall(access_lists=(tight,))))
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"after", (5000, 7001)))
    assert dropped(installation, "denied_by_access") == 1, "an open flow outlived its permission"
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"still", (5000, 7000)))
    assert wire.until(lambda packet: packet.source == CLIENT4)[-1].text == b"still"


def test_between_two_clients_both_lists_count(ground: Ground) -> None:
    open_list = AccessList("open", allow=("10.99.0.0/16",), accept_from=("10.99.0.0/16",))
    shut_list = AccessList("shut", allow=("10.99.0.0/16",))
    installation = ground.install(configuration(Firewall(client_to_client=True, access_lists=(open_list, shut_list))))
    placed(installation, "open", CLIENT4)
    placed(installation, "shut", OTHER4, slot=1)
    ground.from_client(0, packets.udp(CLIENT4, OTHER4, b"denied", (1, 2)))
    assert dropped(installation, "denied_by_access") == 1
    ground.from_client(1, packets.udp(OTHER4, CLIENT4, b"question", (3, 4)))
    assert ground.at_client(0).text == b"question"
    ground.from_client(0, packets.udp(CLIENT4, OTHER4, b"answer", (4, 3)))
    assert ground.at_client(1).text == b"answer"


def test_the_gateway_itself_goes_by_the_list(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", CLIENT4)
    ground.from_client(0, packets.udp(CLIENT4, "198.51.100.1", b"a service of the gateway's machine"))
    assert dropped(installation, "denied_by_access") == 1
    ground.from_client(0, packets.echo_request(CLIENT4, "10.99.0.1"))
    assert ground.at_client(0).icmp[:2] == (0, 0)


def test_an_address_that_is_given_back_is_under_no_list(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", CLIENT4, CLIENT6)
    assert run("nft", "list", "table", "inet", firewall.TABLE).count(f"elements = {{ {CLIENT4} }}") == 1
    installation.drop_leases([Lease(ipaddress.ip_network(each), 0, 0, 1) for each in (CLIENT4, CLIENT6)])
    table = run("nft", "list", "table", "inet", firewall.TABLE)
    assert CLIENT4 not in table
    assert CLIENT6 not in table


def test_a_successor_takes_lists_over(ground: Ground) -> None:
    first = ground.install(configuration(LISTED))
    placed(first, "contractors", CLIENT4, CLIENT6, "10.99.64.0/24")
    placed(first, "", OTHER4, slot=1)
    first.close()
    second = ground.install(configuration(LISTED))
    leases, _ = second.leases.page(None, 10)
    under = {str(lease.network.network_address): lease.access for lease in leases}
    assert under == {CLIENT4: "contractors", CLIENT6: "contractors", "10.99.64.0": "contractors", OTHER4: ""}
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"denied"))
    assert dropped(second, "denied_by_access") == 1


def test_a_successor_lets_nobody_in_whose_list_is_lost(ground: Ground) -> None:
    first = ground.install(configuration(LISTED))
    placed(first, "", CLIENT4)
    first.close()
    run("nft", "delete", "table", "inet", firewall.TABLE)
    second = ground.install(configuration(LISTED))
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"denied"))
    assert dropped(second, "denied_by_access") == 1
    placed(second, "", CLIENT4, epoch=5)
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"allowed"))
    assert wire.until(lambda packet: packet.source == CLIENT4)[-1].text == b"allowed"


def test_elements_that_others_removed_come_back_with_the_next_change(ground: Ground) -> None:
    installation = ground.install(configuration(LISTED))
    placed(installation, "contractors", CLIENT4)
    run("nft", "flush", "set", "inet", firewall.TABLE, "client4_list_contractors")
    placed(installation, "", CLIENT4)
    placed(installation, "contractors", OTHER4, slot=1)
    wire = ground.capture("eth0")
    ground.from_client(0, packets.udp(CLIENT4, UPSTREAM4, b"allowed"))
    assert wire.until(lambda packet: packet.source == CLIENT4)[-1].text == b"allowed"
    ground.from_client(1, packets.udp(OTHER4, UPSTREAM4, b"denied"))
    assert dropped(installation, "denied_by_access") == 1


def test_a_lease_among_many_is_a_transaction_of_its_own_elements(ground: Ground) -> None:
    """What one client costs does not grow with the others: no rule, no chain, and no look at another's element."""
    installation = ground.install(configuration(LISTED))
    first = int(ipaddress.ip_address("10.99.16.0"))
    many = [str(ipaddress.ip_address(first + number)) for number in range(20_000)]
    for start in range(0, len(many), 250):
        placed(installation, "contractors" if start % 500 else "", *many[start : start + 250])
    before = run("nft", "-s", "list", "chains")
    commands: list[list[Command]] = []
    transaction = Nftables.run

    def counting(self: Nftables, run: list[Command]) -> list[dict[str, Any]]:
        commands.append(run)
        return transaction(self, run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Nftables, "run", counting)
        placed(installation, "contractors", CLIENT4)
        placed(installation, "", CLIENT4)
        installation.drop_leases([Lease(ipaddress.ip_network(CLIENT4), 0, 0, 1)])
    assert [[name for command in each for name in command] for each in commands] == [
        ["add"],
        ["delete", "add"],
        ["delete"],
    ]
    assert sum(len(command[kind]["element"]["elem"]) for each in commands for command in each for kind in command) == 4
    assert run("nft", "-s", "list", "chains") == before
