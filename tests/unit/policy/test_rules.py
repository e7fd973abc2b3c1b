# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on disk: each can be observed and judged, no two are the same, and slips of the pen are refused by name."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
import yaml

from wolfguard.errors import ConfigurationError
from wolfguard.policy.place import policies
from wolfguard.policy.rule import Rule
from wolfguard.policy.rules import AREAS, parse_rule, probes, read_fixtures, read_rule, read_rules, rule_ids

RULES = read_rules()
SYSCTL = "host/kernel-addresses-hidden"


@pytest.fixture
def document() -> dict[str, Any]:
    text = (policies() / "rules" / SYSCTL / "rule.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return copy.deepcopy(loaded)


def refusal(document: object, rule_id: str = SYSCTL) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_rule(document, rule_id)
    return str(caught.value)


def test_there_are_enough_of_them_in_every_area() -> None:
    assert len(RULES) >= 80
    assert {rule.area for rule in RULES} == set(AREAS)


def test_no_two_observe_the_same() -> None:
    times = Counter(rule.observe for rule in RULES)
    assert [observe for observe, count in times.items() if count > 1] == []


def test_no_two_say_the_same() -> None:
    for texts in ([rule.title for rule in RULES], [rule.proves for rule in RULES if rule.observe.look.probe == "fips"]):
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_claim_has_two_sides(rule: Rule) -> None:
    assert not rule.title.endswith(".")
    assert rule.proves != rule.does_not_prove
    assert rule.enforce.none or (rule.enforce.role and rule.enforce.variable)


def test_every_probe_of_the_closed_list_serves_a_rule() -> None:
    used = {rule.observe.look.probe for rule in RULES}
    used |= {rule.condition.observe.look.probe for rule in RULES if rule.condition}
    assert used == set(probes())


def test_refusals_name_what_is_wrong(document: dict[str, Any]) -> None:
    assert "there is no probe 'shell'" in refusal({**document, "observe": {"probe": "shell", "key": "x"}})
    broken = copy.deepcopy(document)
    broken["observe"]["arguments"] = {"name": "kernel.kptr_restrict; reboot"}
    assert "probe kernel-parameter" in refusal(broken)
    broken = copy.deepcopy(document)
    broken["observe"]["key"] = "value"
    assert "sees no 'value'" in refusal(broken)
    assert "cannot compare" in refusal({**document, "expect": {"at_least": "much"}})
    assert "there is no comparison" in refusal({**document, "expect": {"like": "1"}})
    assert "expect" in refusal({**document, "expect": {"at_least": 1, "at_most": 2}})
    assert "variables has no 'depth'" in refusal({**document, "expect": {"at_least": {"variable": "depth"}}})
    assert "nothing uses the variable depth" in refusal({**document, "variables": {"depth": 1}})
    assert "enforce" in refusal({**document, "enforce": {}})
    assert "command" in refusal({**document, "command": "id"})
    assert "folder of its own" in refusal(document, "elsewhere/rule")
    assert "not a mapping" in refusal([document])


def test_a_rule_that_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match="there is no rule"):
        read_rule("host/../../etc")


def test_variables_are_replaced_everywhere_and_by_their_kind() -> None:
    rule = read_rule("network/tcp-ports-declared", {"declared_tcp_ports": (22, 443, 8443), "unrelated": 1})
    assert rule.expect.wanted == (22, 443, 8443)
    assert rule.variables == {"declared_tcp_ports": (22, 443, 8443)}
    with pytest.raises(ConfigurationError, match="of another kind"):
        read_rule("keys/rsa-size", {"minimum_rsa_bits": "many"})


@pytest.mark.parametrize("rule_id", rule_ids())
def test_fixtures_are_there(rule_id: str) -> None:
    assert set(read_fixtures(rule_id)) == {"pass", "fail"}


def test_a_rule_without_a_fixture_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rules" / "host" / "lonely"
    folder.mkdir(parents=True)
    source = policies() / "rules" / SYSCTL
    for name in ("rule.yml", "pass.yml"):
        (folder / name).write_text((source / name).read_text(encoding="utf-8"))
    monkeypatch.setattr("wolfguard.policy.rules.policies", lambda: tmp_path)
    with pytest.raises(ConfigurationError, match=r"fail\.yml"):
        read_rules()
