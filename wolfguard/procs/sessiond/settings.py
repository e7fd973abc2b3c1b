# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the configuration that sessiond asks for, by site and group. A reload replaces the whole."""

from __future__ import annotations

from typing import Final

from wolfguard.auth.grant import Grant
from wolfguard.auth.lockout import Limits
from wolfguard.auth.policy import SessionPolicy, resolve
from wolfguard.config.site import Configuration, Site

_POLICIES_MAX: Final = 4096


class Settings:
    """`configuration` is replaced by a reload; everybody asks here and keeps nothing."""

    def __init__(self, configuration: Configuration, generation: int = 0) -> None:
        self.configuration = configuration
        self.generation = generation
        self._policies: dict[tuple[str, str, Grant], SessionPolicy] = {}
        self._policies_of = configuration

    def site(self, name: str) -> Site | None:
        return next((site for site in self.configuration.sites if site.name == name), None)

    def policy(self, site: Site, group: str, grant: Grant) -> SessionPolicy:
        """What a session of this group gets now. Remembered: most sessions have the policy of their group."""
        if self._policies_of is not self.configuration or len(self._policies) >= _POLICIES_MAX:
            self._policies, self._policies_of = {}, self.configuration
        key = site.name, group, grant
        if key not in self._policies:
            self._policies[key] = resolve(site, group, grant, self.configuration.firewall)
        return self._policies[key]

    def reconnect(self) -> int:
        """Seconds that a session waits for its client: the longest that any site or group asks for."""
        asked = [
            timeouts.reconnect
            for site in self.configuration.sites
            for timeouts in (site.timeouts, *(group.timeouts for group in site.groups if group.timeouts))
        ]
        return max(asked, default=0)

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
