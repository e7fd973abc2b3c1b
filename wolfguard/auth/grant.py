# SPDX-License-Identifier: GPL-3.0-or-later
"""What an authentication server says about a user's session, checked: `Grant`.

Owns what each attribute means and what becomes of a bad one. What restricts a user and cannot be read refuses the
login, since without it the user would have more than was meant; so does an address that cannot be given. What only
serves the user (routes, name servers, a domain) is left out and told. Texts of a foreign server never become rules:
`access` is a name, to be looked up in the site file. Must not know servers, the site file (`auth.policy`) or pools.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from wolfguard.errors import PeerError

IPV4: Final = "framed-address"
IPV6: Final = "framed-ipv6-address"
IPV6_PREFIX: Final = "framed-ipv6-prefix"
ROUTE: Final = "route"
DNS: Final = "dns"
DOMAIN: Final = "domain"
MTU: Final = "mtu"
SESSION_TIMEOUT: Final = "session-timeout"
IDLE_TIMEOUT: Final = "idle-timeout"
SESSIONS: Final = "sessions"
ACCESS: Final = "access"
RATE_UP: Final = "rate-up"
RATE_DOWN: Final = "rate-down"

ATTRIBUTES_MAX: Final = 256
ROUTES_MAX: Final = 64
DNS_MAX: Final = 3
SECONDS_MAX: Final = 31_536_000
RATE_MAX: Final = 10**12
SESSIONS_MAX: Final = 1000
_MTUS: Final = range(576, 9001)

NO_ACCESS: Final = "-"
"""An access list that no site file can have: nothing is reached."""

_NUMBER: Final = re.compile(r"[0-9]{1,15}\Z")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z")
_DOMAIN: Final = re.compile(r"(?:(?!-)[A-Za-z0-9-]{1,63}(?<!-)\.?){1,16}\Z")


class GrantError(PeerError):
    """A server's attribute that refuses the login; `label` says which kind."""


@dataclass(frozen=True, slots=True)
class Grant:
    """None and empty mean that the server said nothing. Times are seconds, 0 is without end; rates are bits a second.

    `routes` of `("0.0.0.0/0",)` or `("::/0",)` mean everything.
    """

    ipv4: str = ""
    ipv6: str = ""
    routes: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    domain: str = ""
    mtu: int | None = None
    session_timeout: int | None = None
    idle_timeout: int | None = None
    sessions: int | None = None
    access: str = ""
    rate_up: int | None = None
    rate_down: int | None = None


NOTHING: Final = Grant()


@dataclass(frozen=True, slots=True)
class Ignored:
    """An attribute that was left out; `reason` is a label."""

    attribute: str
    reason: str
    value: str


@dataclass(slots=True)
class _Reading:
    values: dict[str, Any] = field(default_factory=dict)
    ignored: list[Ignored] = field(default_factory=list)


def read(attributes: Iterable[tuple[str, str]]) -> tuple[Grant, tuple[Ignored, ...]]:
    """Attributes by name, in the server's order; others' are not looked at. Raises GrantError."""
    reading = _Reading()
    known = [(name, value) for name, value in attributes if name in _READERS]
    if len(known) > ATTRIBUTES_MAX:
        raise GrantError("attributes", f"{len(known)} attributes; at most {ATTRIBUTES_MAX} are read")
    for name, value in known:
        _READERS[name](reading, name, value)
    for name, most in (("routes", ROUTES_MAX), ("dns", DNS_MAX)):
        given = reading.values.get(name, ())
        if len(given) > most:
            # Half of them would be a policy that nobody has written.
            reading.ignored.append(Ignored(name, "too-many", str(len(given))))
            del reading.values[name]
    return Grant(**reading.values), tuple(reading.ignored)


def to_json(grant: Grant) -> str:
    """For the store: what was said, nothing else."""
    said = {name: value for name, value in dataclasses.asdict(grant).items() if value != getattr(NOTHING, name)}
    return json.dumps(said)


def from_json(text: str) -> Grant:
    """A stored grant. One that cannot be read (of another release, damaged) gives no access at all."""
    try:
        said = json.loads(text)
        known = {each.name for each in dataclasses.fields(Grant)}
        if not isinstance(said, dict) or not said.keys() <= known:
            raise ValueError("no grant")
        return Grant(**{name: _same_kind(name, value) for name, value in said.items()})
    except ValueError:
        return Grant(access=NO_ACCESS)


def _same_kind(name: str, value: object) -> Any:
    if name in ("routes", "dns"):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    elif isinstance(getattr(NOTHING, name), str):
        if isinstance(value, str):
            return value
    elif type(value) is int and value >= 0:
        return value
    raise ValueError(f"{name}: {type(value).__name__}")


# --- one attribute ---------------------------------------------------------------------------------------------------


def _once(reading: _Reading, label: str, key: str, name: str, value: object) -> None:
    """A second, different value leaves open which one was meant."""
    if reading.values.setdefault(key, value) != value:
        raise GrantError(label, f"{name}: {str(value)[:60]!r} after {str(reading.values[key])[:60]!r}")


def _ipv4(reading: _Reading, name: str, value: str) -> None:
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError as error:
        raise GrantError("address", f"{name}: {value[:60]!r} is no IPv4 address") from error
    _once(reading, "address", "ipv4", name, str(address))


def _ipv6(reading: _Reading, name: str, value: str) -> None:
    text, _, length = value.partition("/")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise GrantError("address", f"{name}: {value[:60]!r} is no IPv6 address") from error
    if address.scope_id is not None or ((name == IPV6_PREFIX or length) and length != "128"):
        raise GrantError("address", f"{name}: {value[:60]!r}; only single addresses (/128) can be given")
    _once(reading, "address", "ipv6", name, str(address))


def _route(reading: _Reading, name: str, value: str) -> None:
    """The first word; RFC 2865 5.22 lets a gateway and metrics follow, which mean nothing in a tunnel."""
    word = value.split(" ", 1)[0]
    try:
        network = ipaddress.ip_network(word)
    except ValueError:
        reading.ignored.append(Ignored(name, "not-a-network", value[:60]))
        return
    everything = network.prefixlen == 0
    strange = network.is_loopback or network.is_multicast or network.is_link_local or network.is_unspecified
    if "/" not in word or (strange and not everything):
        reading.ignored.append(Ignored(name, "absurd-network", value[:60]))
        return
    _append(reading, "routes", str(network))


def _dns(reading: _Reading, name: str, value: str) -> None:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        reading.ignored.append(Ignored(name, "not-an-address", value[:60]))
        return
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
        reading.ignored.append(Ignored(name, "absurd-address", value[:60]))
        return
    _append(reading, "dns", str(address))


def _append(reading: _Reading, key: str, value: str) -> None:
    given = reading.values.setdefault(key, ())
    if value not in given:
        reading.values[key] = (*given, value)


def _domain(reading: _Reading, name: str, value: str) -> None:
    if len(value) > 253 or not _DOMAIN.match(value):
        reading.ignored.append(Ignored(name, "not-a-domain", value[:60]))
        return
    reading.values.setdefault("domain", value)


def _access(reading: _Reading, name: str, value: str) -> None:
    if not _NAME.match(value):
        raise GrantError("access", f"{name}: {value[:60]!r} is no name of an access list")
    _once(reading, "access", "access", name, value)


def _limit(key: str, allowed: range) -> Callable[[_Reading, str, str], None]:
    def reader(reading: _Reading, name: str, value: str) -> None:
        if not _NUMBER.match(value) or int(value) not in allowed:
            raise GrantError("limit", f"{name}: {value[:60]!r}; allowed: {allowed.start} to {allowed.stop - 1}")
        _once(reading, "limit", key, name, int(value))

    return reader


_READERS: Final[dict[str, Callable[[_Reading, str, str], None]]] = {
    IPV4: _ipv4,
    IPV6: _ipv6,
    IPV6_PREFIX: _ipv6,
    ROUTE: _route,
    DNS: _dns,
    DOMAIN: _domain,
    MTU: _limit("mtu", _MTUS),
    # RFC 2865 5.27, 5.28: 0 would end the session at once; nobody means that, and "never" has no number.
    SESSION_TIMEOUT: _limit("session_timeout", range(1, SECONDS_MAX + 1)),
    IDLE_TIMEOUT: _limit("idle_timeout", range(1, SECONDS_MAX + 1)),
    SESSIONS: _limit("sessions", range(1, SESSIONS_MAX + 1)),
    ACCESS: _access,
    RATE_UP: _limit("rate_up", range(1, RATE_MAX + 1)),
    RATE_DOWN: _limit("rate_down", range(1, RATE_MAX + 1)),
}
CHANGED: Final = ("session_timeout", "idle_timeout", "rate_up", "rate_down")
"""What of a grant a server may say anew while a session lives."""
NAMES: Final = tuple(_READERS)
"""The attributes that have a meaning for a session."""
