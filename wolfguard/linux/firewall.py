# SPDX-License-Identifier: GPL-3.0-or-later
"""The table `inet wolfguard_gateway`: its sets, chains and rules as data.

Says what may pass between the gateway's TUN devices and everything else, and nothing about other traffic: each base
chain ends in "accept" and looks at packets of our devices or of our pools only. Whatever grows with users or networks
is an element of a set; the number of rules is fixed. Pure; `nftables` carries it to the kernel.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.linux.nftables import Command
from wolfguard.linux.rtnetlink import Network

TABLE: Final = "wolfguard_gateway"
_FAMILY: Final = "inet"
_PRIORITY_RAW: Final = -300
_PRIORITY_FILTER: Final = 0
_PRIORITY_SOURCE_NAT: Final = 100

COUNTERS: Final = (
    "spoofed_by_client",  # from a TUN, with a source that is not routed to this TUN
    "spoofed_outside",  # from elsewhere, with a client's address as source
    "invalid",  # belongs to no flow that connection tracking knows
    "denied_from_client",  # to a network that is not in forward_to
    "denied_to_client",  # nobody's answer, from a network that is not in accept_from
    "denied_between_clients",
    "denied_to_gateway",
    "redirect_suppressed",  # ICMP redirects of this kernel to clients: a tunnel has one way only
    "multicast_suppressed",  # reports of this kernel's own group memberships, which no client asked for
)
"""Named counters, one for each reason of a drop."""


@dataclass(frozen=True, slots=True)
class Counted:
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`devices`: names of the TUNs. `forward_to`: what clients may reach. `accept_from`: who may open flows to them."""

    devices: tuple[str, ...]
    pools: tuple[Network, ...]
    forward_to: tuple[Network, ...]
    accept_from: tuple[Network, ...] = ()
    client_to_client: bool = False
    masquerade: bool = False


_Expression = dict[str, Any]

_ACCEPT: Final[_Expression] = {"accept": None}
_FROM_TUN: Final[_Expression] = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "@tuns"}}
_TO_TUN: Final[_Expression] = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "@tuns"}}
_NOT_TO_TUN: Final[_Expression] = {"match": {"op": "!=", "left": {"meta": {"key": "oifname"}}, "right": "@tuns"}}
_NOT_LOOPBACK: Final[_Expression] = {"match": {"op": "!=", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}
_SOURCE_NOT_ROUTED_HERE: Final[_Expression] = {
    "match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "right": False}
}
_ANSWER: Final[_Expression] = {"match": {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "reply"}}


def _state(name: str) -> _Expression:
    return {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": name}}


def _address(protocol: str, field: str, name: str) -> _Expression:
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": f"@{name}"}}


def _prefix(protocol: str, address: str, length: int) -> _Expression:
    destination = {"payload": {"protocol": protocol, "field": "daddr"}}
    return {"match": {"op": "==", "left": destination, "right": {"prefix": {"addr": address, "len": length}}}}


def _type(protocol: str, name: str) -> _Expression:
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": "type"}}, "right": name}}


def _dropped(counter: str) -> list[_Expression]:
    return [{"counter": counter}, {"drop": None}]


def _jump(chain: str) -> _Expression:
    return {"jump": {"target": chain}}


def _go(chain: str) -> _Expression:
    """There is nothing to come back for."""
    return {"goto": {"target": chain}}


def _either(field: str, name: str, *verdict: _Expression) -> list[list[_Expression]]:
    """The same rule for both IP versions, with the sets `name`4 and `name`6."""
    return [
        [_address("ip", field, f"{name}4"), *verdict],
        [_address("ip6", field, f"{name}6"), *verdict],
    ]


def _rules(rules: Ruleset) -> dict[str, list[list[_Expression]]]:
    """Rules by chain, the jumped-to chains first.

    Flows are judged in the direction in which they were opened, on every packet, so that a change of the site's
    networks takes effect at once; answers pass because connection tracking knows the question.
    """
    tracked = [[_state("invalid"), *_dropped("invalid")], [_ANSWER, _ACCEPT], [_state("related"), _ACCEPT]]
    between = [_ACCEPT] if rules.client_to_client else _dropped("denied_between_clients")
    chains = {
        "from_clients": [
            [_state("invalid"), *_dropped("invalid")],
            [_TO_TUN, *between],
            [_ANSWER, _ACCEPT],
            [_state("related"), _ACCEPT],
            *_either("daddr", "forward_to", _ACCEPT),
            _dropped("denied_from_client"),
        ],
        "to_clients": [*tracked, *_either("saddr", "accept_from", _ACCEPT), _dropped("denied_to_client")],
        "to_gateway": [
            *tracked,
            [_type("icmp", "echo-request"), _ACCEPT],
            [_type("icmpv6", "echo-request"), _ACCEPT],
            *_either("daddr", "forward_to", _ACCEPT),
            _dropped("denied_to_gateway"),
        ],
        "client_source": [[_SOURCE_NOT_ROUTED_HERE, *_dropped("spoofed_by_client")]],
        "outside_source": _either("saddr", "pools", *_dropped("spoofed_outside")),
        "own_to_client": [
            [_type("icmp", "redirect"), *_dropped("redirect_suppressed")],
            [_type("icmpv6", "nd-redirect"), *_dropped("redirect_suppressed")],
            [_prefix("ip", "224.0.0.0", 4), *_dropped("multicast_suppressed")],
            [_prefix("ip6", "ff00::", 8), *_dropped("multicast_suppressed")],
        ],
        # one look at the device for each packet: these chains see every one
        "anti_spoof": [[_FROM_TUN, _go("client_source")], [_NOT_LOOPBACK, _go("outside_source")]],
        "forward": [[_FROM_TUN, _jump("from_clients")], [_TO_TUN, _jump("to_clients")]],
        "input": [[_FROM_TUN, _jump("to_gateway")]],
        "output": [[_TO_TUN, _go("own_to_client")]],
    }
    if rules.masquerade:
        chains["masquerade"] = [[_NOT_TO_TUN, *rule] for rule in _either("saddr", "pools", {"masquerade": None})]
    return chains


_HOOKS: Final[Mapping[str, tuple[str, str, int]]] = {
    "anti_spoof": ("filter", "prerouting", _PRIORITY_RAW),
    "forward": ("filter", "forward", _PRIORITY_FILTER),
    "input": ("filter", "input", _PRIORITY_FILTER),
    "output": ("filter", "output", _PRIORITY_FILTER),
    "masquerade": ("nat", "postrouting", _PRIORITY_SOURCE_NAT),
}


def _in_table(**fields: Any) -> dict[str, Any]:
    return {"family": _FAMILY, "table": TABLE, **fields}


def _add(kind: str, **fields: Any) -> Command:
    return {"add": {kind: _in_table(**fields)}}


def _elements(networks: Iterable[Network], version: int) -> list[dict[str, Any]]:
    """Disjoint prefixes, since an interval set refuses overlaps."""
    if version == 4:
        of_version: Iterable[Network] = ipaddress.collapse_addresses(
            network for network in networks if isinstance(network, ipaddress.IPv4Network)
        )
    else:
        of_version = ipaddress.collapse_addresses(
            network for network in networks if isinstance(network, ipaddress.IPv6Network)
        )
    return [{"prefix": {"addr": str(network.network_address), "len": network.prefixlen}} for network in of_version]


def _sets(rules: Ruleset) -> list[Command]:
    commands = [_add("set", name="tuns", type="ifname", elem=list(rules.devices))]
    for name, networks in (
        ("pools", rules.pools),
        ("forward_to", rules.forward_to),
        ("accept_from", rules.accept_from),
    ):
        for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
            fields: dict[str, Any] = {"name": f"{name}{version}", "type": kind, "flags": ["interval"]}
            if elements := _elements(networks, version):
                fields["elem"] = elements
            commands.append(_add("set", **fields))
    return commands


def removal() -> list[Command]:
    """Removes the table, if it is there."""
    table = {"table": {"family": _FAMILY, "name": TABLE}}
    return [{"add": table}, {"delete": table}]


def replacement(rules: Ruleset, counted: Mapping[str, Counted]) -> list[Command]:
    """One transaction that puts these rules in place of what is there; counters go on from `counted`."""
    commands = [*removal(), {"add": {"table": {"family": _FAMILY, "name": TABLE}}}]
    nothing = Counted(0, 0)
    for name in COUNTERS:
        before = counted.get(name, nothing)
        commands.append(_add("counter", name=name, packets=before.packets, bytes=before.octets))
    commands += _sets(rules)
    chains = _rules(rules)
    for name in chains:
        hook = _HOOKS.get(name)
        base = {} if hook is None else {"type": hook[0], "hook": hook[1], "prio": hook[2], "policy": "accept"}
        commands.append(_add("chain", name=name, **base))
    for name, entries in chains.items():
        commands += [_add("rule", chain=name, expr=expressions) for expressions in entries]
    return commands


def counters_request() -> list[Command]:
    return [{"list": {"counters": {"family": _FAMILY}}}]


def read_counters(listed: Sequence[Mapping[str, Any]]) -> dict[str, Counted]:
    """Our counters out of what `counters_request` lists; other tables' are left out."""
    found: dict[str, Counted] = {}
    for entry in listed:
        counter = entry.get("counter")
        if not isinstance(counter, Mapping) or counter.get("table") != TABLE or counter.get("family") != _FAMILY:
            continue
        name, packets, octets = counter.get("name"), counter.get("packets"), counter.get("bytes")
        if isinstance(name, str) and isinstance(packets, int) and isinstance(octets, int):
            found[name] = Counted(packets, octets)
    return {name: found[name] for name in COUNTERS if name in found}
