# SPDX-License-Identifier: GPL-3.0-or-later
"""What the site's configuration asks of the kernel: devices, pools, addresses, rules. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.config import access
from wolfguard.config.site import AccessList, Configuration, SessionTimeouts, Site
from wolfguard.config.site import Network as ClientNetwork
from wolfguard.errors import ConfigurationError
from wolfguard.linux import firewall
from wolfguard.linux.firewall import Ruleset
from wolfguard.linux.rtnetlink import Interface, Network

_IPV6_MINIMUM_MTU: Final = 1280  # RFC 8200 section 5: below it the kernel takes IPv6 off a device


@dataclass(frozen=True, slots=True)
class Plan:
    """`devices`: names by slot. `mtu`: of the devices, the widest of all groups; each route carries its session's.

    `reconnect`: how many seconds a session without a tunnel keeps its address, at most.

    `addresses`: what every device gets, one for each IP version that has a pool, so that the kernel has a source for
    its ICMP errors; the first of its first pool, which is never leased.
    """

    devices: tuple[str, ...]
    mtu: int
    reconnect: int
    pools: tuple[Network, ...]
    addresses: tuple[Interface, ...]
    ruleset: Ruleset


def _networks(key: str, texts: Iterable[str]) -> tuple[Network, ...]:
    """Parsed, each once, in order."""
    found: dict[Network, None] = {}
    for text in texts:
        try:
            found[ipaddress.ip_network(text)] = None
        except ValueError as error:
            raise ConfigurationError(f"{key}: {error}; write a network such as 10.99.0.0/16") from error
    return tuple(found)


def _client_networks(configuration: Configuration) -> Iterator[ClientNetwork]:
    for site in configuration.sites:
        yield site.network
        for group in site.groups:
            if group.network is not None:
                yield group.network


def _own_addresses(pools: tuple[Network, ...]) -> tuple[Interface, ...]:
    found: dict[int, Interface] = {}
    for pool in pools:
        if pool.version not in found:
            found[pool.version] = ipaddress.ip_interface(pool.network_address + 1)
    return tuple(found.values())


def _group_timeouts(site: Site) -> Iterator[SessionTimeouts]:
    for group in site.groups:
        if group.timeouts is not None:
            yield group.timeouts


def _access_list(given: AccessList) -> firewall.AccessList:
    """Entries that differ in their network alone are one rule."""
    networks: dict[tuple[str, access.Ports], list[Network]] = {}
    for text in given.allow:
        entry = access.read(text)
        networks.setdefault((entry.protocol, entry.ports), []).append(entry.network)
    reach = tuple(firewall.Reach(tuple(found), *key) for key, found in networks.items())
    accept_from = _networks(f"firewall.access_lists {given.name}", given.accept_from)
    return firewall.AccessList(given.name, reach, accept_from)


def make_plan(configuration: Configuration, slots: int) -> Plan:
    """Raises ConfigurationError for networks that cannot be read."""
    networks = list(_client_networks(configuration))
    texts = [network.ipv4_pool for network in networks] + [network.ipv6_pool for network in networks]
    pools = _networks("pool", filter(None, texts))
    devices = tuple(f"{configuration.tun_prefix}{slot}" for slot in range(slots))
    given = configuration.firewall
    ruleset = Ruleset(
        devices=devices,
        pools=pools,
        forward_to=_networks("firewall.forward_to", given.forward_to),
        accept_from=_networks("firewall.accept_from", given.accept_from),
        client_to_client=given.client_to_client,
        masquerade=given.masquerade,
        access_lists=tuple(_access_list(each) for each in given.access_lists),
    )
    timeouts = [each for site in configuration.sites for each in (site.timeouts, *_group_timeouts(site))]
    mtu = max([network.mtu for network in networks] + [_IPV6_MINIMUM_MTU])
    reconnect = max((each.reconnect for each in timeouts), default=0)
    return Plan(devices, mtu, reconnect, pools, _own_addresses(pools), ruleset)
