# SPDX-License-Identifier: GPL-3.0-or-later
"""What keys of the site file mean to each other: twins, overlaps, families, sizes.

Owns relations only; single values were checked by `config.schema`. Reads no file. `problems` keep the gateway from
starting, `warnings` are said and lived with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from itertools import combinations

from wolfguard.config import access
from wolfguard.config.document import Key, show_key
from wolfguard.config.schema import Problem
from wolfguard.config.site import LOCAL, Configuration, Network, Radius, Site

IPV6_MINIMUM_MTU = 1280
BACKEND_TYPES = ("pam", "plugin", "radius")
"""Types of backends; each has its keys under its own name."""
SOCKET_PATH_MAX = 107
INTERIM_LEAST = 60
"""Seconds between two reports of one session that servers must be spared (RFC 2869 section 5.16)."""

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def problems(configuration: Configuration) -> list[Problem]:
    found = [*_listeners(configuration), *_sites(configuration), *_pools(configuration), *_backends(configuration)]
    found += _access(configuration)
    for key, network in networks(configuration):
        found += _network(key, network)
    surplus = len(configuration.paths.management_socket) - SOCKET_PATH_MAX
    if surplus > 0:
        text = f"is {surplus} characters too long for the socket in it; choose a shorter path"
        found.append(Problem(("paths", "run"), text))
    return found


def warnings(configuration: Configuration) -> list[Problem]:
    found: list[Problem] = []
    for key, network in networks(configuration):
        found += _unreached(key, network)
    found += _hidden_name_servers(configuration)
    for key, pool in _pool_keys(configuration):
        room = pool.num_addresses - 3
        if room < configuration.limits.sessions and pool.version == 4:
            text = f"has room for {room} clients, while limits.sessions allows {configuration.limits.sessions}"
            found.append(Problem(key, text))
    for number, site in enumerate(configuration.sites):
        if not site.crypto.approved:
            text = f"{site.crypto_profile} lets in algorithms that are not approved; sessions under it say so"
            found.append(Problem(("sites", number, "crypto_profile"), text))
    for number, backend in enumerate(configuration.backends):
        accounting = backend.radius.accounting if backend.radius is not None else None
        if accounting is not None and 0 < accounting.interval < INTERIM_LEAST:
            text = f"is {accounting.interval}; RFC 2869 allows {INTERIM_LEAST} or more, and asks for 600"
            found.append(Problem(("backends", number, "radius", "accounting", "interval"), text))
    if not configuration.firewall.forward_to and not configuration.firewall.client_to_client:
        found.append(Problem(("firewall", "forward_to"), "is empty: clients will reach nothing"))
    return found


def networks(configuration: Configuration) -> Iterator[tuple[Key, Network]]:
    """Every network of sites and groups with its key."""
    for number, site in enumerate(configuration.sites):
        yield ("sites", number, "network"), site.network
        for index, group in enumerate(site.groups):
            if group.network is not None:
                yield ("sites", number, "groups", index, "network"), group.network


def _listeners(configuration: Configuration) -> Iterator[Problem]:
    seen: dict[tuple[str, int], int] = {}
    for number, listener in enumerate(configuration.listeners):
        address = str(ipaddress.ip_address(listener.address))
        key: Key = ("listeners", number)
        if (address, listener.port) in seen:
            yield Problem(key, f"same address and port as listeners[{seen[address, listener.port]}]; remove one")
        seen.setdefault((address, listener.port), number)
    for (address, _), number in seen.items():
        if ipaddress.ip_address(address).is_multicast:
            yield Problem(("listeners", number, "address"), f"is {address}; allowed: an address of this machine")


def _sites(configuration: Configuration) -> Iterator[Problem]:
    names: dict[str, int] = {}
    server_names: dict[str, Key] = {}
    for number, site in enumerate(configuration.sites):
        if site.name in names:
            text = f"is {site.name!r}, as sites[{names[site.name]}].name is; give each site a name of its own"
            yield Problem(("sites", number, "name"), text)
        names.setdefault(site.name, number)
        for index, server_name in enumerate(site.server_names):
            key: Key = ("sites", number, "server_names", index)
            if server_name.lower() in server_names:
                text = f"is {server_name!r}, as {show_key(server_names[server_name.lower()])} is; remove one"
                yield Problem(key, text)
            server_names.setdefault(server_name.lower(), key)
        if not site.server_names and number > 0:
            text = "is empty, so that no client ever gets this site; the first site answers to any name"
            yield Problem(("sites", number, "server_names"), text)
        yield from _groups(number, site)


def _backends(configuration: Configuration) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, backend in enumerate(configuration.backends):
        if backend.name in seen:
            text = f"is {backend.name!r}, as backends[{seen[backend.name]}].name is; give each backend its own name"
            yield Problem(("backends", number, "name"), text)
        seen.setdefault(backend.name, number)
        for kind in BACKEND_TYPES:
            if kind == backend.type and getattr(backend, kind) is None:
                yield Problem(("backends", number, "type"), f"is {kind}, which needs keys under {kind}; add them")
            if kind != backend.type and getattr(backend, kind) is not None:
                text = f"is for backends of type {kind}, and this one is of type {backend.type}; remove it"
                yield Problem(("backends", number, kind), text)
        if backend.radius is not None:
            yield from _radius(("backends", number, "radius"), backend.radius)
    for number, site in enumerate(configuration.sites):
        yield from _authentication(("sites", number), site.authentication, seen)
        yield from _approved(number, site, configuration)
        for index, group in enumerate(site.groups):
            yield from _authentication(("sites", number, "groups", index), group.authentication, seen)


def _radius(key: Key, radius: Radius) -> Iterator[Problem]:
    udp = radius.transport == "udp"
    if udp and radius.crypto is not None and radius.crypto.approved:
        text = f"is udp, which rests on MD5; {radius.crypto_profile} allows tls alone, the profile compat allows udp"
        yield Problem((*key, "transport"), text)
    for name in ("authorities", "certificate", "key"):
        given = bool(getattr(radius, name))
        if udp and given:
            yield Problem((*key, name), "is for transport tls; remove it")
        if not udp and not given:
            yield Problem(key, f"lacks {name}: transport tls needs authorities, certificate and key")
    dynamic = radius.dynamic_authorization
    if dynamic is not None:
        where: Key = (*key, "dynamic_authorization")
        if radius.accounting is None:
            yield Problem(where, "needs accounting, which tells the servers the names of sessions")
        if udp != bool(dynamic.listen):
            text = "needs listen, an address of this machine, with transport udp" if udp else "is for transport udp"
            yield Problem(where if udp else (*where, "listen"), text)
    own = radius.accounting.servers if radius.accounting is not None else ()
    for place, servers in (((*key, "servers"), radius.servers), ((*key, "accounting", "servers"), own)):
        for index, server in enumerate(servers):
            if udp and (not server.secret or server.name):
                yield Problem((*place, index), "needs secret, and no name, with transport udp")
            if not udp and (server.secret or not server.name):
                yield Problem((*place, index), "needs name, and no secret, with transport tls")


def _approved(number: int, site: Site, configuration: Configuration) -> Iterator[Problem]:
    """A login must not rest on less than its site's profile allows."""
    loose = {
        backend.name: backend.radius.crypto_profile
        for backend in configuration.backends
        if backend.radius is not None and backend.radius.crypto is not None and not backend.radius.crypto.approved
    }
    asked = {*site.authentication, *(name for group in site.groups for name in group.authentication)}
    for name in sorted(asked & set(loose)) if site.crypto.approved else ():
        text = f"uses {name}, whose profile {loose[name]} is not approved; {site.crypto_profile} does not allow that"
        yield Problem(("sites", number, "authentication"), text)


def _authentication(key: Key, names: tuple[str, ...], known: Collection[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name != LOCAL and name not in known:
            choices = ", ".join((LOCAL, *known))
            yield Problem(
                (*key, "authentication", index), f"is {name!r}; allowed: {choices}, or a new entry in backends"
            )
        if name in names[:index]:
            yield Problem((*key, "authentication", index), f"is {name!r} for the second time; remove one")


def _groups(number: int, site: Site) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, group in enumerate(site.groups):
        if group.name in seen:
            text = f"is {group.name!r}, as sites[{number}].groups[{seen[group.name]}].name is; rename one"
            yield Problem(("sites", number, "groups", index, "name"), text)
        seen.setdefault(group.name, index)


def _access(configuration: Configuration) -> Iterator[Problem]:
    """Lists have names of their own, and who names a list names one that is there."""
    seen: dict[str, int] = {}
    for number, each in enumerate(configuration.firewall.access_lists):
        if each.name in seen:
            text = f"is {each.name!r}, as firewall.access_lists[{seen[each.name]}].name is; rename one"
            yield Problem(("firewall", "access_lists", number, "name"), text)
        seen.setdefault(each.name, number)
    known = f"allowed: {', '.join(seen)}" if seen else "there is none in firewall.access_lists"
    for number, site in enumerate(configuration.sites):
        names: list[tuple[Key, str]] = [(("sites", number, "access"), site.access)]
        names += [(("sites", number, "groups", index, "access"), each.access) for index, each in enumerate(site.groups)]
        for key, name in names:
            if name and name not in seen:
                yield Problem(key, f"is {name!r}; {known}")


def _hidden_name_servers(configuration: Configuration) -> Iterator[Problem]:
    """Name servers that clients are given and their access list keeps them from."""
    lists = {each.name: [access.read(text) for text in each.allow] for each in configuration.firewall.access_lists}
    for number, site in enumerate(configuration.sites):
        given: list[tuple[Key, str, Network]] = [(("sites", number, "access"), site.access, site.network)]
        for index, group in enumerate(site.groups):
            key: Key = ("sites", number, "groups", index, "access")
            given.append((key, group.access or site.access, group.network or site.network))
        for key, name, network in given:
            for server in network.dns if name in lists else ():
                address = ipaddress.ip_address(server)
                if not any(entry.reaches(address, "udp", 53) for entry in lists[name]):
                    yield Problem(key, f"is {name!r}, which does not let clients reach their name server {server}")


def _pool_keys(configuration: Configuration) -> Iterator[tuple[Key, IpNetwork]]:
    """Every pool once, with the first key that names it."""
    seen: set[IpNetwork] = set()
    for key, network in networks(configuration):
        for name in ("ipv4_pool", "ipv6_pool"):
            text = getattr(network, name)
            if text and (pool := ipaddress.ip_network(text)) not in seen:
                seen.add(pool)
                yield (*key, name), pool


def _pools(configuration: Configuration) -> Iterator[Problem]:
    pools = list(_pool_keys(configuration))
    for (_, first), (key, second) in combinations(pools, 2):
        if first.version == second.version and first.overlaps(second):
            yield Problem(key, f"is {second}, which overlaps {first}; two pools are either the same or apart")
    for number, listener in enumerate(configuration.listeners):
        address = ipaddress.ip_address(listener.address)
        for _, pool in pools:
            if address in pool:
                text = f"is {address}, inside the pool {pool}; clients' addresses and the gateway's must be apart"
                yield Problem(("listeners", number, "address"), text)


def _network(key: Key, network: Network) -> Iterator[Problem]:
    if not network.ipv4_pool and not network.ipv6_pool:
        yield Problem((*key, "ipv4_pool"), "is empty, and so is ipv6_pool; clients need one of them")
    if network.ipv6_pool and network.mtu < IPV6_MINIMUM_MTU:
        yield Problem((*key, "mtu"), f"is {network.mtu}; allowed with an ipv6_pool: {IPV6_MINIMUM_MTU} or more")
    for name in ("split_include", "split_exclude", "dns", "nbns", "split_dns"):
        values = [value.lower() for value in getattr(network, name)]
        for index, value in enumerate(values):
            if value in values[:index]:
                yield Problem((*key, name, index), f"is {value!r} for the second time; remove one")
    included = {ipaddress.ip_network(text) for text in network.split_include}
    for index, text in enumerate(network.split_exclude):
        if ipaddress.ip_network(text) in included:
            yield Problem((*key, "split_exclude", index), f"is {text}, which split_include has as well; remove one")
    if network.split_dns and not network.dns:
        yield Problem((*key, "split_dns"), "needs name servers to ask; set dns, or leave split_dns out")


def _unreached(key: Key, network: Network) -> Iterator[Problem]:
    for name in ("split_include", "split_exclude", "dns"):
        for index, text in enumerate(getattr(network, name)):
            version = ipaddress.ip_network(text).version
            if not getattr(network, f"ipv{version}_pool"):
                found = f"is {text}, while clients get no IPv{version} address; set ipv{version}_pool or remove it"
                yield Problem((*key, name, index), found)
    if not network.split_include:
        return
    included = [ipaddress.ip_network(text) for text in network.split_include]
    for index, text in enumerate(network.dns):
        address = ipaddress.ip_address(text)
        if not any(address in net for net in included):
            yield Problem((*key, "dns", index), f"is {text}, which no network in split_include has; add {text}")
