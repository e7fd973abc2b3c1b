# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration asks of the kernel."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from wolfguard.config.site import AccessList, Configuration, Firewall, Group, Listener, Network, SessionTimeouts, Site
from wolfguard.errors import ConfigurationError
from wolfguard.linux.firewall import Reach
from wolfguard.procs.netd.plan import make_plan


def configuration(*networks: Network, firewall: Firewall | None = None) -> Configuration:
    """The first network is the site's, the others are its groups'."""
    groups = tuple(Group(name=f"group{number}", network=network) for number, network in enumerate(networks[1:]))
    site = Site(name="default", groups=(*groups, Group("plain")), network=networks[0], crypto=None)  # type: ignore[arg-type]
    return Configuration(listeners=(Listener(),), sites=(site,), firewall=firewall or Firewall(), tun_prefix="gw")


def test_pools_of_all_groups_each_once() -> None:
    plan = make_plan(
        configuration(
            Network("10.1.0.0/16", "fd01::/64", mtu=1300),
            Network("10.2.0.0/16", "fd01::/64", mtu=1420),
            Network("10.1.0.0/16", ""),
        ),
        2,
    )
    assert [str(pool) for pool in plan.pools] == ["10.1.0.0/16", "10.2.0.0/16", "fd01::/64"]
    assert [str(address) for address in plan.addresses] == ["10.1.0.1/32", "fd01::1/128"]
    assert (plan.devices, plan.mtu) == (("gw0", "gw1"), 1420)
    assert plan.reconnect == 300
    assert (plan.ruleset.devices, plan.ruleset.pools) == (plan.devices, plan.pools)


def test_devices_are_wide_enough_for_ipv6() -> None:
    assert make_plan(configuration(Network(mtu=1000)), 1).mtu == 1280


def test_no_ipv6_pool_no_ipv6_address() -> None:
    plan = make_plan(configuration(Network("10.1.0.0/16", "")), 1)
    assert plan.addresses == (ipaddress.ip_interface("10.1.0.1/32"),)


def test_rules_follow_the_firewall_section() -> None:
    firewall = Firewall(True, ("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.0/24",), True)
    ruleset = make_plan(configuration(Network(), firewall=firewall), 1).ruleset
    assert ruleset.forward_to == (ipaddress.ip_network("10.0.0.0/8"),)
    assert ruleset.accept_from == (ipaddress.ip_network("192.0.2.0/24"),)
    assert ruleset.masquerade
    assert ruleset.client_to_client


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"firewall\.forward_to: 'everywhere'"):
        make_plan(configuration(Network(), firewall=Firewall(forward_to=("everywhere",))), 1)
    with pytest.raises(ConfigurationError, match=r"pool: .*host bits"):
        make_plan(configuration(Network("10.1.0.7/16")), 1)


def test_entries_of_an_access_list_that_differ_in_their_network_are_one_rule() -> None:
    given = AccessList(
        "few", ("10.1.0.0/16 tcp 443", "10.2.0.0/16", "10.3.0.0/16 tcp 443", "fd00::/8 tcp 443"), ("192.0.2.0/24",)
    )
    (made,) = make_plan(configuration(Network(), firewall=Firewall(access_lists=(given,))), 1).ruleset.access_lists
    first = tuple(ipaddress.ip_network(text) for text in ("10.1.0.0/16", "10.3.0.0/16", "fd00::/8"))
    assert made.reach == (Reach(first, "tcp", ((443, 443),)), Reach((ipaddress.ip_network("10.2.0.0/16"),)))
    assert (made.name, made.accept_from) == ("few", (ipaddress.ip_network("192.0.2.0/24"),))


def test_the_longest_wait_of_all_groups_counts() -> None:
    base = configuration(Network())
    group = Group("slow", timeouts=SessionTimeouts(reconnect=3000))
    changed = replace(base, sites=(replace(base.sites[0], groups=(group,)),))
    assert make_plan(changed, 1).reconnect == 3000
