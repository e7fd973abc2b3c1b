# SPDX-License-Identifier: GPL-3.0-or-later
"""The loaded rules of nftables (libnftables-json(5)), without the elements of sets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Program
from wolfguard.audit.vantage import Vantage
from wolfguard.linux.firewall import TABLE
from wolfguard.policy.expect import Value

_STRICT: Final = "drop"
_NONE: Final = "none"
_FAMILIES: Final = (("inet", "ip"), ("inet", "ip6"))
"""Whose chains a packet of IPv4 meets, and one of IPv6."""


def ruleset(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Raises Unobservable where the rules may not be listed."""
    output = vantage.place.run(Program.RULESET)
    if output.code != 0:
        raise Unobservable(f"nft does not list the rules: {output.why}")
    try:
        listed = json.loads(output.text)["nftables"]
    except (ValueError, KeyError, TypeError):
        raise Unobservable("nft does not list the rules as JSON") from None
    chains, rules = list(_of(listed, "chain")), list(_of(listed, "rule"))
    own = [chain for chain in chains if chain.get("table") == TABLE and "hook" in chain]
    seen: dict[str, Value] = {
        "input": _policy(chains, rules, "input"),
        "forward": _policy(chains, rules, "forward"),
        "gateway_table": any(table.get("name") == TABLE for table in _of(listed, "table")),
        "gateway_hooks": tuple(sorted({str(chain["hook"]) for chain in own})),
        "anti_spoofing": any(_drops_foreign_sources(rule) for rule in rules if rule.get("table") == TABLE),
    }
    return Observation(seen, "nft list ruleset")


def _of(listed: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (entry[kind] for entry in listed if isinstance(entry, dict) and isinstance(entry.get(kind), dict))


def _policy(chains: Sequence[Mapping[str, Any]], rules: Sequence[Mapping[str, Any]], hook: str) -> str:
    """The strictest of the base chains for a family: one that drops is enough, whatever others accept. A chain that
    ends in a drop or reject of everything is as strict as its policy would be. Of both families the laxer one."""
    of_families = []
    for families in _FAMILIES:
        found = [
            _STRICT if _ends_strictly(chain, rules) else str(chain.get("policy", "accept"))
            for chain in chains
            if chain.get("hook") == hook and chain.get("type") == "filter" and chain.get("family") in families
        ]
        of_families.append(_STRICT if _STRICT in found else next(iter(found), _NONE))
    return next((policy for policy in of_families if policy != _STRICT), _STRICT)


def _ends_strictly(chain: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> bool:
    inside = [
        rule
        for rule in rules
        if (rule.get("family"), rule.get("table"), rule.get("chain"))
        == (chain.get("family"), chain.get("table"), chain.get("name"))
    ]
    words = [set(each) for each in inside[-1].get("expr", ())] if inside else []
    verdicts = [each for each in words if each <= {"drop", "reject"}]
    return bool(verdicts) and all(each <= {"drop", "reject", "counter", "log"} for each in words)


def _drops_foreign_sources(rule: Mapping[str, Any]) -> bool:
    """Reverse path by the device that a packet came from (fib saddr . iif oif), and a drop."""
    expressions = rule.get("expr", ())
    fibs = [each["match"]["left"].get("fib", {}) for each in expressions if isinstance(_left(each), dict)]
    looks = any(fib.get("result") == "oif" and {"saddr", "iif"} <= set(fib.get("flags", ())) for fib in fibs)
    return looks and any("drop" in each for each in expressions)


def _left(expression: Mapping[str, Any]) -> object:
    match = expression.get("match")
    return match.get("left") if isinstance(match, dict) else None
