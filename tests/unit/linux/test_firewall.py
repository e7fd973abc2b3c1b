# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's table as data: one transaction, disjoint sets, a counter for every drop."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any

import pytest

from wolfguard.linux import firewall
from wolfguard.linux.firewall import COUNTERS, AccessList, Reach, Ruleset
from wolfguard.linux.nft_counters import Counted
from wolfguard.linux.rtnetlink import Network


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


RULES = Ruleset(("vpn0", "vpn1"), networks("10.99.0.0/16", "fd99::/64"), networks("0.0.0.0/0", "::/0"))


def added(rules: Ruleset, kind: str, counted: Mapping[str, Counted] | None = None) -> list[dict[str, Any]]:
    commands = firewall.replacement(rules, counted or {})
    return [command["add"][kind] for command in commands if kind in command.get("add", {})]


def rules_of(rules: Ruleset, chain: str) -> list[list[dict[str, Any]]]:
    return [rule["expr"] for rule in added(rules, "rule") if rule["chain"] == chain]


def test_table_is_replaced_in_one_transaction() -> None:
    table = {"table": {"family": "inet", "name": "wolfguard_gateway"}}
    assert firewall.replacement(RULES, {})[:3] == [{"add": table}, {"delete": table}, {"add": table}]
    assert firewall.removal() == [{"add": table}, {"delete": table}]


def test_counters_go_on() -> None:
    counters = {each["name"]: each for each in added(RULES, "counter", {"invalid": Counted(3, 300)})}
    assert tuple(counters) == COUNTERS
    assert (counters["invalid"]["packets"], counters["invalid"]["bytes"]) == (3, 300)
    assert counters["spoofed_by_client"]["packets"] == 0


def test_every_drop_is_counted_by_a_counter_that_exists_and_is_used() -> None:
    used = set()
    for rule in added(RULES, "rule"):
        if {"drop": None} in rule["expr"]:
            (counter,) = [each["counter"] for each in rule["expr"] if "counter" in each]
            used.add(counter)
    assert used == set(COUNTERS)


def test_other_traffic_is_accepted_by_every_hook() -> None:
    hooks = [chain for chain in added(RULES, "chain") if "hook" in chain]
    assert {chain["policy"] for chain in hooks} == {"accept"}
    assert {chain["hook"] for chain in hooks} == {"prerouting", "forward", "input", "output"}
    interfaces = {"iifname", "oifname"}
    for chain in hooks:
        for rule in rules_of(RULES, chain["name"]):
            left = rule[0]["match"]["left"]
            assert left.get("meta", {}).get("key") in interfaces, "a hook's rule begins with the device"


@pytest.mark.parametrize("chain", ["from_clients", "to_clients", "to_gateway"])
def test_what_is_not_allowed_is_dropped(chain: str) -> None:
    assert rules_of(RULES, chain)[-1][-1] == {"drop": None}


def test_sets_hold_disjoint_prefixes() -> None:
    rules = Ruleset(
        ("vpn0",), RULES.pools, networks("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "fd00::/8", "10.0.0.0/8")
    )
    sets = {each["name"]: each for each in added(rules, "set")}
    assert sets["forward_to4"]["elem"] == [{"prefix": {"addr": "10.0.0.0", "len": 7}}]
    assert sets["forward_to6"]["elem"] == [{"prefix": {"addr": "fd00::", "len": 8}}]
    assert "elem" not in sets["accept_from4"]
    assert sets["tuns"]["elem"] == ["vpn0"]


def test_options_change_their_rules_only() -> None:
    assert rules_of(RULES, "masquerade") == []
    with_options = Ruleset(
        RULES.devices, RULES.pools, RULES.forward_to, networks("192.0.2.0/24"), client_to_client=True, masquerade=True
    )
    assert len(rules_of(with_options, "masquerade")) == 2
    apart = {"counter": "denied_between_clients"}
    assert apart in rules_of(RULES, "from_clients")[1]
    assert not any(apart in rule for rule in rules_of(with_options, "from_clients"))
    assert rules_of(with_options, "from_default")[0][-1] == {"accept": None}
    assert rules_of(with_options, "anti_spoof") == rules_of(RULES, "anti_spoof")


def test_number_of_rules_does_not_grow_with_networks() -> None:
    many = tuple(ipaddress.ip_network((number << 9, 24)) for number in range(1, 300))
    assert len(added(Ruleset(("vpn0",), many, many, many), "rule")) == len(added(RULES, "rule"))


def test_commands_are_json() -> None:
    assert json.loads(json.dumps(firewall.replacement(RULES, {}))) == firewall.replacement(RULES, {})


LISTS = (
    AccessList(
        "contractors",
        (
            Reach(networks("10.1.0.0/16", "10.1.2.0/24", "fd01::/64")),
            Reach(networks("10.2.0.0/24"), "tcp", ((443, 443), (8000, 8100))),
            Reach(networks("10.3.0.0/24", "fd03::/64"), "icmp"),
        ),
        networks("10.8.0.0/24"),
    ),
    AccessList("default", ()),
)
WITH_LISTS = Ruleset(RULES.devices, RULES.pools, RULES.forward_to, access_lists=LISTS)


def test_a_list_is_two_chains_that_end_in_a_drop() -> None:
    reached = rules_of(WITH_LISTS, "from_list_contractors")
    assert [rule[-1] for rule in reached] == [{"accept": None}] * 5 + [{"drop": None}]
    assert reached[0][0]["match"]["right"] == {"set": [{"prefix": {"addr": "10.1.0.0", "len": 16}}]}
    assert reached[2][1]["match"]["right"] == {"set": [443, {"range": [8000, 8100]}]}
    assert [rule[1]["match"]["right"] for rule in reached[3:5]] == [1, 58]
    assert len(rules_of(WITH_LISTS, "into_list_contractors")) == 2
    assert rules_of(WITH_LISTS, "from_list_default") == [[{"counter": "denied_by_access"}, {"drop": None}]]


@pytest.mark.parametrize("chain", ["from_clients", "to_clients", "to_gateway"])
def test_who_is_under_no_list_gets_nowhere(chain: str) -> None:
    rules = rules_of(WITH_LISTS, chain)
    assert rules[-1] == [{"counter": "denied_by_access"}, {"drop": None}]
    led = [rule for rule in rules if "goto" in rule[-1]]
    assert len(led) == 12, "three lists, two IP versions, single addresses and networks"
    assert all(rule[0]["match"]["left"]["payload"]["field"] in ("saddr", "daddr") for rule in led)


def test_clients_are_elements_and_never_rules() -> None:
    placed: dict[Network, str] = dict.fromkeys(networks("10.99.0.7/32", "fd99::7/128"), "contractors")
    placed[networks("10.99.64.0/24")[0]] = ""
    commands = firewall.replacement(WITH_LISTS, {}, placed)
    sets = {
        each["add"]["set"]["name"]: each["add"]["set"].get("elem") for each in commands if "set" in each.get("add", {})
    }
    assert sets["client4_list_contractors"] == ["10.99.0.7"]
    assert sets["client6_list_contractors"] == ["fd99::7"]
    assert sets["network4_default"] == [{"prefix": {"addr": "10.99.64.0", "len": 24}}]
    assert len(commands) == len(firewall.replacement(WITH_LISTS, {}))


def test_only_what_differs_is_placed() -> None:
    one, two, three = networks("10.99.0.7/32", "10.99.0.8/32", "fd99::8/128")
    before = {one: None, two: "contractors", three: ""}
    commands = firewall.place(before, {one: "contractors", two: "", three: ""})
    assert [
        (kind, each["element"]["name"], each["element"]["elem"]) for entry in commands for kind, each in entry.items()
    ] == [
        ("delete", "client4_list_contractors", ["10.99.0.8"]),
        ("add", "client4_list_contractors", ["10.99.0.7"]),
        ("add", "client4_default", ["10.99.0.8"]),
    ]
    assert firewall.place({one: "", two: None}, {one: "", two: None}) == []
    assert [list(entry) for entry in firewall.place({one: "contractors"}, {one: None})] == [["delete"]]


def test_clients_are_found_again() -> None:
    listed: list[dict[str, Any]] = [
        {"metainfo": {}},
        {"set": {"name": "client4_list_contractors", "elem": ["10.99.0.7"]}},
        {"set": {"name": "client6_default", "elem": ["fd99::7", 7]}},
        {
            "set": {
                "name": "network4_list_default",
                "elem": [{"prefix": {"addr": "10.99.64.0", "len": 24}}, {"range": []}],
            }
        },
        {"set": {"name": "client4_default"}},
        {"set": {"name": "pools4", "elem": ["10.99.0.0"]}},
        {"set": {"name": "client4_strange", "elem": ["10.99.0.9"]}},
    ]
    first, second, third = networks("10.99.0.7/32", "fd99::7/128", "10.99.64.0/24")
    assert firewall.read_clients(listed) == {first: "contractors", second: "", third: "default"}
