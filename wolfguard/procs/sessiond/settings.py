# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the configuration that sessiond asks for, by site and group. A reload replaces the whole."""

from __future__ import annotations

from wolfguard.auth.lockout import Limits
from wolfguard.config.site import Configuration, Network, Site


class Settings:
    """`configuration` is replaced by a reload; everybody asks here and keeps nothing."""

    def __init__(self, configuration: Configuration, generation: int = 0) -> None:
        self.configuration = configuration
        self.generation = generation

    def site(self, name: str) -> Site | None:
        return next((site for site in self.configuration.sites if site.name == name), None)

    def network(self, site: Site, group: str) -> Network:
        """The group's own network, else the site's."""
        own = next((each.network for each in site.groups if each.name == group), None)
        return own or site.network

    def prefixes(self) -> tuple[str, ...]:
        """Every address pool that the configuration names, each once, in order."""
        found: dict[str, None] = {}
        for site in self.configuration.sites:
            for network in (site.network, *(group.network for group in site.groups if group.network)):
                found.update(dict.fromkeys(pool for pool in (network.ipv4_pool, network.ipv6_pool) if pool))
        return tuple(found)

    def address_rest(self) -> int:
        """Seconds that a freed address rests: the longest that any site asks for."""
        return max((site.timeouts.address_rest for site in self.configuration.sites), default=0)

    def lockout(self) -> Limits:
        given = self.configuration.lockout
        return Limits(given.failures, given.address_failures, given.window, given.duration)
