# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's table as data: one transaction, disjoint sets, a counter for every drop."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any

import pytest

from wolfguard.linux import firewall
from wolfguard.linux.firewall import COUNTERS, Counted, Ruleset
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
    between = [rule for rule in rules_of(with_options, "from_clients") if rule[0] == rules_of(RULES, "forward")[1][0]]
    assert between[0][-1] == {"accept": None}
    assert rules_of(with_options, "anti_spoof") == rules_of(RULES, "anti_spoof")


def test_number_of_rules_does_not_grow_with_networks() -> None:
    many = tuple(ipaddress.ip_network((number << 9, 24)) for number in range(1, 300))
    assert len(added(Ruleset(("vpn0",), many, many, many), "rule")) == len(added(RULES, "rule"))


def test_commands_are_json() -> None:
    assert json.loads(json.dumps(firewall.replacement(RULES, {}))) == firewall.replacement(RULES, {})


def test_only_our_counters_are_read() -> None:
    def listed(**fields: object) -> dict[str, Any]:
        return {"counter": {"family": "inet", "table": "wolfguard_gateway", "packets": 1, "bytes": 2, **fields}}

    entries: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.1.3"}},
        listed(name="invalid"),
        listed(name="spoofed_by_client", table="other"),
        listed(name="denied_to_client", family="ip"),
        listed(name="of_a_later_release"),
        listed(name="denied_from_client", packets="many"),
        {"counter": None},
    ]
    assert firewall.read_counters(entries) == {"invalid": Counted(1, 2)}
