# SPDX-License-Identifier: GPL-3.0-or-later
"""The table `inet wolfguard_gateway`: its sets, chains and rules as data.

Says what may pass between the gateway's TUN devices and everything else, and nothing about other traffic: each base
chain ends in "accept" and looks at packets of our devices or of our pools only. Whatever grows with users or networks
is an element of a set; the number of rules follows the site file's access lists. Pure; `nftables` carries it to the
kernel.

Every client's address is an element of the set of one access list, which leads to two chains: what it may reach, and
who may open connections to it. An address in no set reaches nothing and is reached by nobody. A packet between two
clients is judged by the chains of both, in two base chains of the same hook. Sets, not a verdict map: the kernel walks
all elements of such a map whenever one is added, to look for loops (58 ms among 100,000, and 0.6 ms in a set).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.linux.nft_counters import Counted
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
    "denied_by_access",  # by a list of the site file, or because the address is under none
    "denied_to_gateway",
    "redirect_suppressed",  # ICMP redirects of this kernel to clients: a tunnel has one way only
    "multicast_suppressed",  # reports of this kernel's own group memberships, which no client asked for
)
"""Named counters, one for each reason of a drop."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Networks, of one protocol ("": all; "icmp" is that of the IP version), of ranges of ports (none: all)."""

    networks: tuple[Network, ...]
    protocol: str = ""
    ports: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AccessList:
    """What clients under it may reach, and who may open flows to them."""

    name: str
    reach: tuple[Reach, ...]
    accept_from: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`devices`: names of the TUNs. `forward_to`: what clients may reach. `accept_from`: who may open flows to them.
    `access_lists`: by which some go instead.
    """

    devices: tuple[str, ...]
    pools: tuple[Network, ...]
    forward_to: tuple[Network, ...]
    accept_from: tuple[Network, ...] = ()
    client_to_client: bool = False
    masquerade: bool = False
    access_lists: tuple[AccessList, ...] = ()


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


_FOR_ME: Final[_Expression] = {
    "match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}
}
_PROTOCOLS: Final = {4: "ip", 6: "ip6"}
_ICMP: Final = {4: 1, 6: 58}
_PROTOCOL_NUMBERS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
"""By number (IANA): libnftables would look a name up in /etc/protocols, which a confined netd cannot read."""


def _chain(way: str, access: str) -> str:
    """The chain of an access list; "": of the site's own networks."""
    return f"{way}_list_{access}" if access else f"{way}_default"


def _set(access: str, version: int, *, single: bool) -> str:
    """The set of those under a list. Single addresses are apart from networks: a hash takes an element in the same time
    whatever it holds, intervals do not."""
    return f"{'client' if single else 'network'}{version}_{f'list_{access}' if access else 'default'}"


_SET: Final = re.compile(r"(?:client|network)[46]_(?:default|list_(?P<access>.+))\Z")


def _by_address(rules: Ruleset, field: str, way: str) -> list[list[_Expression]]:
    """To the chain of the list whose set has the packet's source or destination."""
    return [
        [_address(protocol, field, _set(access, version, single=single)), _go(_chain(way, access))]
        for single in (True, False)
        for access in _lists(rules)
        for version, protocol in _PROTOCOLS.items()
    ]


def _lists(rules: Ruleset) -> tuple[str, ...]:
    return ("", *(each.name for each in rules.access_lists))


def _among(left: _Expression, members: Sequence[object]) -> _Expression:
    return {"match": {"op": "==", "left": left, "right": {"set": list(members)}}}


def _address_among(field: str, networks: Sequence[Network], version: int) -> list[_Expression]:
    """Nothing where there is no network of this IP version."""
    elements = _elements(networks, version)
    return [_among({"payload": {"protocol": _PROTOCOLS[version], "field": field}}, elements)] if elements else []


def _reach(reach: Reach, version: int) -> list[_Expression]:
    if not (rule := _address_among("daddr", reach.networks, version)):
        return []
    if reach.ports:
        ports = [first if first == last else {"range": [first, last]} for first, last in reach.ports]
        rule.append(_among({"payload": {"protocol": reach.protocol, "field": "dport"}}, ports))
    elif reach.protocol:
        number = _ICMP[version] if reach.protocol == "icmp" else _PROTOCOL_NUMBERS[reach.protocol]
        rule.append({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": number}})
    return [*rule, _ACCEPT]


def _access_chains(rules: Ruleset) -> dict[str, list[list[_Expression]]]:
    """Where the maps lead to; each of them decides."""
    neighbours = [_ACCEPT] if rules.client_to_client else _dropped("denied_between_clients")
    chains = {
        _chain("from", ""): [
            [_TO_TUN, *neighbours],
            *_either("daddr", "forward_to", _ACCEPT),
            [_FOR_ME, *_dropped("denied_to_gateway")],
            _dropped("denied_from_client"),
        ],
        _chain("into", ""): [
            [_FROM_TUN, *neighbours],
            *_either("saddr", "accept_from", _ACCEPT),
            _dropped("denied_to_client"),
        ],
    }
    for each in rules.access_lists:
        reached = [_reach(reach, version) for reach in each.reach for version in _PROTOCOLS]
        accepted = [_address_among("saddr", each.accept_from, version) for version in _PROTOCOLS]
        chains[_chain("from", each.name)] = [*filter(None, reached), _dropped("denied_by_access")]
        chains[_chain("into", each.name)] = [
            *([*rule, _ACCEPT] for rule in accepted if rule),
            _dropped("denied_by_access"),
        ]
    return chains


def _rules(rules: Ruleset) -> dict[str, list[list[_Expression]]]:
    """Rules by chain, the jumped-to chains first.

    Flows are judged in the direction in which they were opened, on every packet, so that a change of the site's
    networks takes effect at once; answers pass because connection tracking knows the question.
    """
    invalid = [_state("invalid"), *_dropped("invalid")]
    known = [[_ANSWER, _ACCEPT], [_state("related"), _ACCEPT]]
    # Said before answers pass, so that flows between clients end when the site file ends them.
    apart = [] if rules.client_to_client else [[_TO_TUN, *_dropped("denied_between_clients")]]
    chains = {
        **_access_chains(rules),
        "from_clients": [invalid, *apart, *known, *_by_address(rules, "saddr", "from"), _dropped("denied_by_access")],
        "to_clients": [invalid, *known, *_by_address(rules, "daddr", "into"), _dropped("denied_by_access")],
        "to_gateway": [
            invalid,
            *known,
            [_type("icmp", "echo-request"), _ACCEPT],
            [_type("icmpv6", "echo-request"), _ACCEPT],
            *_by_address(rules, "saddr", "from"),
            _dropped("denied_by_access"),
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
        "forward": [[_FROM_TUN, _jump("from_clients")]],
        "forward_into": [[_TO_TUN, _jump("to_clients")]],
        "input": [[_FROM_TUN, _jump("to_gateway")]],
        "output": [[_TO_TUN, _go("own_to_client")]],
    }
    if rules.masquerade:
        chains["masquerade"] = [[_NOT_TO_TUN, *rule] for rule in _either("saddr", "pools", {"masquerade": None})]
    return chains


_HOOKS: Final[Mapping[str, tuple[str, str, int]]] = {
    "anti_spoof": ("filter", "prerouting", _PRIORITY_RAW),
    "forward": ("filter", "forward", _PRIORITY_FILTER),
    "forward_into": ("filter", "forward", _PRIORITY_FILTER + 1),
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


def _clients(rules: Ruleset, placed: Mapping[Network, str]) -> Iterator[Command]:
    """The sets of all lists. Elements come with their set: libnftables 1.0 fails on intervals that follow a set of a
    table that the same transaction has removed."""
    elements = _by_set(placed)
    for access in _lists(rules):
        for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
            for single in (True, False):
                fields: dict[str, Any] = {"name": _set(access, version, single=single), "type": kind}
                fields |= {} if single else {"flags": ["interval"]}
                if fields["name"] in elements:
                    fields["elem"] = elements[fields["name"]]
                yield _add("set", **fields)


def _by_set(placed: Mapping[Network, str]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for network, access in placed.items():
        single = network.prefixlen == network.max_prefixlen
        address = str(network.network_address)
        element = address if single else {"prefix": {"addr": address, "len": network.prefixlen}}
        found.setdefault(_set(access, network.version, single=single), []).append(element)
    return found


def place(before: Mapping[Network, str | None], after: Mapping[Network, str | None]) -> list[Command]:
    """Brings clients from the lists that the kernel has them under to those that they shall be under: "" is the site's
    own networks, None no list. One command for each set that is concerned, none where nothing differs.
    """
    moved = [network for network in after if before[network] != after[network]]
    commands: list[Command] = []
    for kind, lists in (("delete", before), ("add", after)):
        elements = _by_set({network: under for network in moved if (under := lists[network]) is not None})
        commands += [{kind: {"element": _in_table(name=name, elem=each)}} for name, each in elements.items()]
    return commands


def table_request() -> list[Command]:
    return [{"list": {"table": {"family": _FAMILY, "name": TABLE}}}]


def read_clients(listed: Sequence[Mapping[str, Any]]) -> dict[Network, str]:
    """Which access list each network is under, out of what `table_request` lists."""
    found: dict[Network, str] = {}
    for entry in listed:
        kept = entry.get("set", {})
        if (name := _SET.match(str(kept.get("name")))) is None:
            continue
        for element in kept.get("elem", ()):
            try:
                found[_network_of(element)] = name["access"] or ""
            except (TypeError, ValueError, KeyError):
                continue
    return found


def _network_of(element: Any) -> Network:
    if isinstance(element, Mapping):
        return ipaddress.ip_network((element["prefix"]["addr"], element["prefix"]["len"]))
    if not isinstance(element, str):
        raise TypeError("an element that is no address")
    return ipaddress.ip_network(element)


def removal() -> list[Command]:
    """Removes the table, if it is there."""
    table = {"table": {"family": _FAMILY, "name": TABLE}}
    return [{"add": table}, {"delete": table}]


def replacement(
    rules: Ruleset, counted: Mapping[str, Counted], placed: Mapping[Network, str] | None = None
) -> list[Command]:
    """One transaction that puts these rules in place of what is there; counters go on from `counted`, and clients are
    under the lists that `placed` says.
    """
    commands = [*removal(), {"add": {"table": {"family": _FAMILY, "name": TABLE}}}]
    nothing = Counted(0, 0)
    for name in COUNTERS:
        before = counted.get(name, nothing)
        commands.append(_add("counter", name=name, packets=before.packets, bytes=before.octets))
    commands += [*_sets(rules), *_clients(rules, placed or {})]
    chains = _rules(rules)
    for name in chains:
        hook = _HOOKS.get(name)
        base = {} if hook is None else {"type": hook[0], "hook": hook[1], "prio": hook[2], "policy": "accept"}
        commands.append(_add("chain", name=name, **base))
    for name, entries in chains.items():
        commands += [_add("rule", chain=name, expr=expressions) for expressions in entries]
    return commands
