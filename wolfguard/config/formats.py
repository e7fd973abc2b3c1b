# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of single values, by the names that `schema.yml` gives them.

Each takes a value that already has the right type and returns nothing when it is good, or what is allowed instead.
Owns single values only: what two keys mean to each other is `config.checks`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from wolfguard.config import access
from wolfguard.errors import ConfigurationError

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Format = Callable[[str | int], str | None]


def line(value: str | int) -> str | None:
    """What every text is checked for but those of format `text`."""
    return "text without line breaks and control characters" if _CONTROL.search(str(value)) else None


def text(value: str | int) -> str | None:
    bad = _CONTROL.search(str(value).replace("\n", ""))
    return "text whose only control characters are line breaks" if bad else None


def path(value: str | int) -> str | None:
    good = str(value).startswith("/") and ".." not in str(value).split("/") and len(str(value)) <= 1024
    return None if good else 'an absolute path without ".."'


def address(value: str | int) -> str | None:
    try:
        good = "%" not in str(ipaddress.ip_address(str(value)))
    except ValueError:
        good = False
    return None if good else "an IPv4 or IPv6 address"


def ipv4_address(value: str | int) -> str | None:
    try:
        ipaddress.IPv4Address(str(value))
    except ValueError:
        return "an IPv4 address"
    return None


def network(value: str | int) -> str | None:
    try:
        if "/" in str(value):
            ipaddress.ip_network(str(value))
            return None
        return f"a network with its prefix length, such as {ipaddress.ip_address(str(value))}/32"
    except ValueError:
        pass
    try:
        return f"a network; did you mean {ipaddress.ip_network(str(value), strict=False)}?"
    except ValueError:
        return "a network, such as 10.0.0.0/8 or 2001:db8::/32"


def access_entry(value: str | int) -> str | None:
    try:
        access.read(str(value))
    except ConfigurationError:
        return access.ALLOWED
    return None


def ipv4_pool(value: str | int) -> str | None:
    return _pool(str(value), 4, 8, 29)


def ipv6_pool(value: str | int) -> str | None:
    return _pool(str(value), 6, 32, 125)


def _pool(value: str, version: int, largest: int, smallest: int) -> str | None:
    if not value:
        return None
    if (allowed := network(value)) is not None:
        return allowed
    pool = ipaddress.ip_network(value)
    if pool.version != version:
        return f"an IPv{version} network, or empty"
    if not largest <= pool.prefixlen <= smallest:
        return f"an IPv{version} network between /{largest} and /{smallest}"
    if pool.is_multicast or pool.is_loopback or pool.is_link_local or pool.is_unspecified or pool.is_reserved:
        return "a network of unicast addresses that are not loopback or link-local"
    return None


def server_name(value: str | int) -> str | None:
    name = str(value)
    good = _host_name(name.removeprefix("*.")) and not name.endswith(".")
    return None if good else "a host name, such as vpn.example.org (or *.example.org)"


def domain_name(value: str | int) -> str | None:
    return None if _host_name(str(value)) else "a domain, such as corp.example.org"


def domain(value: str | int) -> str | None:
    return domain_name(value) if value else None


def _host_name(name: str) -> bool:
    labels = name.removesuffix(".").split(".")
    return 0 < len(name) <= 253 and all(_LABEL.match(label) for label in labels) and not labels[-1].isdigit()


FORMATS: dict[str, Format] = {
    function.__name__: function
    for function in (
        line,
        text,
        path,
        address,
        ipv4_address,
        network,
        access_entry,
        ipv4_pool,
        ipv6_pool,
        server_name,
        domain_name,
        domain,
    )
}
