# SPDX-License-Identifier: GPL-3.0-or-later
"""What the site's configuration asks of the kernel: devices, pools, addresses, rules. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.config.site import Configuration
from wolfguard.config.site import Network as ClientNetwork
from wolfguard.errors import ConfigurationError
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


def make_plan(configuration: Configuration, slots: int) -> Plan:
    """Raises ConfigurationError for networks that cannot be read."""
    networks = list(_client_networks(configuration))
    texts = [network.ipv4_pool for network in networks] + [network.ipv6_pool for network in networks]
    pools = _networks("pool", filter(None, texts))
    devices = tuple(f"{configuration.tun_prefix}{slot}" for slot in range(slots))
    firewall = configuration.firewall
    ruleset = Ruleset(
        devices=devices,
        pools=pools,
        forward_to=_networks("firewall.forward_to", firewall.forward_to),
        accept_from=_networks("firewall.accept_from", firewall.accept_from),
        client_to_client=firewall.client_to_client,
        masquerade=firewall.masquerade,
    )
    mtu = max([network.mtu for network in networks] + [_IPV6_MINIMUM_MTU])
    reconnect = max((site.timeouts.reconnect for site in configuration.sites), default=0)
    return Plan(devices, mtu, reconnect, pools, _own_addresses(pools), ruleset)
