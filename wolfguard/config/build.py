# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of the schema's shape to the frozen objects of `config.site`.

Owns the filling in of defaults: a group's network, timeouts and rate start from its site's, everything else from
`config.site`.
Must not know YAML, lines or files; certificate chains are filled in later (`config.load`).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wolfguard.config.site import (
    AccessList,
    Accounting,
    Backend,
    Certificate,
    Configuration,
    DynamicAuthorization,
    Firewall,
    Group,
    Listener,
    Network,
    Radius,
    RadiusServer,
    Rate,
    SessionTimeouts,
    Site,
    Timeouts,
)
from wolfguard.policy.profile import CryptoProfile

T = TypeVar("T")
Data = Mapping[str, Any]
DYNAMIC = "dynamic_authorization"


def configuration(data: Data, profile: Callable[[str], CryptoProfile]) -> Configuration:
    """`data` as `config.schema.validate` returns it; `profile` loads a crypto profile by its name."""
    sites: list[Site] = []
    number = 0
    for item in data["sites"]:
        site = _site(item, number, profile)
        number += len(site.certificates)
        sites.append(site)
    listeners = tuple(_object(Listener, item) for item in data["listeners"])
    backends = tuple(_backend(item, profile) for item in data.get("backends", ()))
    firewall = _firewall(data.get("firewall", {}))
    taken = ("listeners", "sites", "backends", "firewall")
    rest = {name: value for name, value in data.items() if name not in taken}
    return _object(Configuration, rest, listeners=listeners, sites=tuple(sites), backends=backends, firewall=firewall)


def _firewall(data: Data) -> Firewall:
    lists = tuple(_object(AccessList, item) for item in data.get("access_lists", ()))
    return _object(
        Firewall, {name: value for name, value in data.items() if name != "access_lists"}, access_lists=lists
    )


def _backend(data: Data, profile: Callable[[str], CryptoProfile]) -> Backend:
    rest = {name: value for name, value in data.items() if name != "radius"}
    if "radius" not in data:
        return _object(Backend, rest)
    given = data["radius"]
    servers = tuple(_object(RadiusServer, item) for item in given["servers"])
    crypto = profile(given.get("crypto_profile", default(Radius, "crypto_profile")))
    accounting = _accounting(given["accounting"]) if "accounting" in given else None
    dynamic = _object(DynamicAuthorization, given[DYNAMIC]) if DYNAMIC in given else None
    keys = {name: value for name, value in given.items() if name not in ("servers", "accounting", DYNAMIC)}
    parts: dict[str, Any] = {"servers": servers, "crypto": crypto, "accounting": accounting, DYNAMIC: dynamic}
    return _object(Backend, rest, radius=_object(Radius, keys, **parts))


def _accounting(data: Data) -> Accounting:
    servers = tuple(_object(RadiusServer, item) for item in data.get("servers", ()))
    return _object(Accounting, {name: value for name, value in data.items() if name != "servers"}, servers=servers)


def _site(data: Data, first_number: int, profile: Callable[[str], CryptoProfile]) -> Site:
    of_site: dict[str, Any] = {
        "network": _object(Network, data.get("network", {})),
        "timeouts": _object(Timeouts, data.get("timeouts", {})),
        "rate": _object(Rate, data.get("rate", {})),
    }
    groups = tuple(_group(item, of_site) for item in data.get("groups", ()))
    certificates = tuple(
        _object(Certificate, item, number=first_number + index) for index, item in enumerate(data["certificates"])
    )
    rest = {name: value for name, value in data.items() if name not in (*of_site, "groups", "certificates")}
    crypto = profile(data.get("crypto_profile", default(Site, "crypto_profile")))
    return _object(Site, rest, **of_site, groups=groups, certificates=certificates, crypto=crypto)


def _group(data: Data, of_site: Data) -> Group:
    """What a group says of its network, timeouts and rate, over what its site says."""
    own: dict[str, Any] = {}
    if "network" in data:
        own["network"] = dataclasses.replace(of_site["network"], **_values(Network, data["network"]))
    if "timeouts" in data:
        names = [field.name for field in dataclasses.fields(SessionTimeouts)]
        inherited = {name: getattr(of_site["timeouts"], name) for name in names}
        own["timeouts"] = SessionTimeouts(**inherited | _values(SessionTimeouts, data["timeouts"]))
    if "rate" in data:
        own["rate"] = dataclasses.replace(of_site["rate"], **_values(Rate, data["rate"]))
    return _object(Group, {name: value for name, value in data.items() if name not in of_site}, **own)


def default(kind: type, name: str) -> Any:
    """The default that `config.site` gives to a field."""
    field = {field.name: field for field in dataclasses.fields(kind)}[name]
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise KeyError(f"{kind.__name__}.{name} has no default")


def field_types(kind: type) -> dict[str, Any]:
    """Types of a dataclass' fields, with annotations resolved and `X | None` shown as X."""
    hints = typing.get_type_hints(kind)
    return {field.name: _without_none(hints[field.name]) for field in dataclasses.fields(kind)}


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _values(kind: type, data: Data) -> dict[str, Any]:
    hints = field_types(kind)
    return {name: _value(hints[name], value) for name, value in data.items()}


def _value(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return _object(typing.cast(type, hint), value)
    return tuple(value) if isinstance(value, list) else value


def _object(kind: type[T], data: Data, **given: Any) -> T:
    return kind(**_values(kind, data), **given)
