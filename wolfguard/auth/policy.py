# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session gets by its site, its group and what an authentication server granted; where each value is from.

Pure, and cheap enough to be asked for at every CONNECT, so that a changed site file reaches sessions that live. Rules:
a group's value takes the place of its site's. A server's address, routes, name servers, access list and rates take the
place of both; its MTU and number of sessions may only lower them; its timeouts may shorten them, and lengthen them
where the site allows it. What cannot be found (a group or a list that a reload has removed) gives no access.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.grant import NO_ACCESS, Grant
from wolfguard.config.site import Firewall, Group, Network, Rate, SessionTimeouts, Site

SITE: Final = "site"
GROUP: Final = "group"
SERVER: Final = "server"

BURST_MIN: Final = 65536
_BURST_SHARE: Final = 10
"""Of a second: what a burst holds where the site file says nothing."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """`network.ipv4_pool`, `ipv6_pool`: where addresses are leased from unless `ipv4`, `ipv6` are given.

    `sessions` is the limit of the whole group. `access`: a list of the site file, "" for firewall.forward_to, NO_ACCESS
    for nothing. `origins` has (name, SITE, GROUP or SERVER) for each name that `facts` shows.
    """

    network: Network
    ipv4: str
    ipv6: str
    timeouts: SessionTimeouts
    sessions_per_user: int
    sessions: int
    access: str
    rate: Rate
    origins: tuple[tuple[str, str], ...]

    def facts(self) -> Iterator[tuple[str, str, str]]:
        """(name, value, origin), for people and records."""
        values = {
            "ipv4": self.ipv4 or self.network.ipv4_pool,
            "ipv6": self.ipv6 or self.network.ipv6_pool,
            "mtu": str(self.network.mtu),
            "routes": " ".join(self.network.split_include),
            "dns": " ".join(self.network.dns),
            "domain": self.network.default_domain,
            "session_timeout": str(self.timeouts.session),
            "idle_timeout": str(self.timeouts.idle),
            "sessions_per_user": str(self.sessions_per_user),
            "sessions": str(self.sessions),
            "access": self.access,
            "rate_up": str(self.rate.up),
            "rate_down": str(self.rate.down),
        }
        for name, origin in self.origins:
            yield name, values[name], origin


def resolve(site: Site, name: str, grant: Grant, firewall: Firewall) -> SessionPolicy:
    """The policy of a session of the site's group `name` ("": none)."""
    found = next((each for each in site.groups if each.name == name), None)
    group = found or Group("")
    network = group.network or site.network
    timeouts = group.timeouts or site.timeouts
    rate = group.rate or site.rate
    per_user = site.sessions_per_user if group.sessions_per_user is None else group.sessions_per_user
    session = _timeout(timeouts.session, grant.session_timeout, longer=site.longer_timeouts)
    idle = _timeout(timeouts.idle, grant.idle_timeout, longer=site.longer_timeouts)
    access = grant.access or group.access or site.access
    unknown = access and access not in {each.name for each in firewall.access_lists}
    lost = found is None and name
    policy = SessionPolicy(
        network=_network(network, grant),
        ipv4=grant.ipv4,
        ipv6=grant.ipv6,
        timeouts=SessionTimeouts(session, idle, timeouts.dpd, timeouts.keepalive, timeouts.rekey, timeouts.reconnect),
        sessions_per_user=_fewer(per_user, grant.sessions),
        sessions=group.sessions,
        access=NO_ACCESS if unknown or lost else access,
        rate=dataclasses.replace(
            rate,
            up=rate.up if grant.rate_up is None else grant.rate_up,
            down=rate.down if grant.rate_down is None else grant.rate_down,
        ),
        origins=(),
    )
    return dataclasses.replace(policy, origins=tuple(_origins(policy, site, group, grant)))


def _network(network: Network, grant: Grant) -> Network:
    routes = grant.routes or network.split_include
    if any(ipaddress.ip_network(route).prefixlen == 0 for route in grant.routes):
        routes = ()
    return dataclasses.replace(
        network,
        mtu=network.mtu if grant.mtu is None else min(network.mtu, grant.mtu),
        dns=grant.dns or network.dns,
        default_domain=grant.domain or network.default_domain,
        split_include=routes,
    )


def _timeout(own: int, granted: int | None, *, longer: bool) -> int:
    """0 of the site file's is without end."""
    if granted is None or (own and granted > own and not longer):
        return own
    return granted


def _fewer(own: int, granted: int | None) -> int:
    return own if granted is None else min(own or granted, granted)


def _origins(policy: SessionPolicy, site: Site, group: Group, grant: Grant) -> Iterator[tuple[str, str]]:
    of_network = GROUP if group.network is not None else SITE
    of_timeouts = GROUP if group.timeouts is not None else SITE
    of_rate = GROUP if group.rate is not None else SITE
    timeouts = group.timeouts or site.timeouts
    below = {
        "ipv4": (of_network, bool(grant.ipv4)),
        "ipv6": (of_network, bool(grant.ipv6)),
        "mtu": (of_network, policy.network.mtu != (group.network or site.network).mtu),
        "routes": (of_network, bool(grant.routes)),
        "dns": (of_network, bool(grant.dns)),
        "domain": (of_network, bool(grant.domain)),
        "session_timeout": (of_timeouts, policy.timeouts.session != timeouts.session),
        "idle_timeout": (of_timeouts, policy.timeouts.idle != timeouts.idle),
        "sessions_per_user": (
            SITE if group.sessions_per_user is None else GROUP,
            grant.sessions is not None and policy.sessions_per_user == grant.sessions,
        ),
        "sessions": (GROUP, False),
        "access": (GROUP if group.access else SITE, bool(grant.access)),
        "rate_up": (of_rate, grant.rate_up is not None),
        "rate_down": (of_rate, grant.rate_down is not None),
    }
    for name, (origin, granted) in below.items():
        yield name, SERVER if granted else origin


@dataclass(frozen=True, slots=True)
class Budget:
    """A token bucket: bytes a second (0: no limit) and the most that may go at once, in bytes."""

    bytes_per_second: int
    burst: int


def budgets(rate: Rate) -> tuple[Budget, Budget]:
    """Of the two directions, up and down. A burst holds several of the largest packets."""
    return _budget(rate.up, rate.burst), _budget(rate.down, rate.burst)


def _budget(bits_per_second: int, burst: int) -> Budget:
    if not bits_per_second:
        return Budget(0, 0)
    per_second = max(1, bits_per_second // 8)
    return Budget(per_second, max(burst or per_second // _BURST_SHARE, BURST_MIN))
