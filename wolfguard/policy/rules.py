# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads policies/rules: YAML and cerberus in, `Rule` out. Refuses what could not be observed or judged: a probe that
there is not, arguments that it does not take, a comparison with the wrong kind of value, a rule without its fixtures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final

from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.policy.expect import Expectation, Value, expectation, frozen
from wolfguard.policy.place import policies
from wolfguard.policy.rule import Condition, Enforcement, Look, Observed, Reference, Rule, Severity

AREAS: Final = ("fips", "tls", "dtls", "keys", "auth", "network", "records", "host", "confinement", "build")
_ID: Final = re.compile(rf"({'|'.join(AREAS)})/[a-z][a-z0-9-]{{2,47}}")
_FIXTURES: Final = ("pass", "fail")


@dataclass(frozen=True, slots=True)
class Fixture:
    """What a probe saw; `value` is None where it saw that there is none."""

    value: Value


def rule_ids() -> tuple[str, ...]:
    """Every rule that there is, by area and name. Raises ConfigurationError for a folder that is no rule's."""
    return _rule_ids(policies() / "rules")


def read_rules(overrides: Mapping[str, Value] | None = None) -> tuple[Rule, ...]:
    """All of them. `overrides` replace variables of every rule that has one of the name. Raises ConfigurationError."""
    return tuple(read_rule(each, overrides) for each in rule_ids())


def read_rule(rule_id: str, overrides: Mapping[str, Value] | None = None) -> Rule:
    """Raises ConfigurationError."""
    if rule_id not in rule_ids():
        raise ConfigurationError(f"there is no rule {rule_id!r}; `wolfguard policy list` names those that there are")
    fixtures = read_fixtures(rule_id)
    file = policies() / "rules" / rule_id / "rule.yml"
    rule = parse_rule(documents.read(file, f"rule {rule_id}"), rule_id, overrides)
    for name, fixture in fixtures.items():
        _check_fixture(rule, name, fixture)
    return rule


def read_fixtures(rule_id: str) -> Mapping[str, Fixture]:
    """ "pass" and "fail". Raises ConfigurationError, also where one is missing."""
    found: dict[str, Fixture] = {}
    for name in _FIXTURES:
        title = f"rule {rule_id}, {name}.yml"
        document = documents.read(policies() / "rules" / rule_id / f"{name}.yml", title)
        checked = documents.check(document, documents.schema("fixture"), title)
        found[name] = Fixture(frozen(checked.get("value")))
    return found


def parse_rule(document: object, rule_id: str, overrides: Mapping[str, Value] | None = None) -> Rule:
    """Checks a document as YAML gives it. Raises ConfigurationError."""
    title = f"rule {rule_id}"
    if not _ID.fullmatch(rule_id):
        raise ConfigurationError(f"{title}: a rule is in a folder of its own below one of {', '.join(AREAS)}")
    checked = documents.check(document, documents.schema("rule"), title)
    variables = dict(checked.get("variables", {}))
    for name, value in (overrides or {}).items():
        if name in variables:
            if type(variables[name]) is not type(value) and not isinstance(value, tuple):
                raise ConfigurationError(
                    f"{title}: variable {name} is {variables[name]!r}, {value!r} is of another kind"
                )
            variables[name] = value
    used: set[str] = set()
    checked = _resolved({**checked, "variables": {}}, variables, used, title)
    if unused := sorted(set(variables) - used):
        raise ConfigurationError(f"{title}: nothing uses the variable {unused[0]}")
    return _rule(checked, rule_id, variables, title)


def _rule(checked: Mapping[str, Any], rule_id: str, variables: Mapping[str, Value], title: str) -> Rule:
    references = tuple(Reference(each["framework"], each["id"]) for each in checked["references"])
    if len(set(references)) != len(references):
        raise ConfigurationError(f"{title}: references name a control twice")
    applies, enforce = checked["applies"], checked["enforce"]
    return Rule(
        id=rule_id,
        title=checked["title"],
        severity=Severity[checked["severity"].upper()],
        rationale=checked["rationale"].strip(),
        remedy=checked["remedy"].strip(),
        references=references,
        condition=None if applies == "always" else _condition(applies, f"{title}, applies"),
        observe=_observed(checked["observe"], title),
        expect=_expectation(checked["expect"], title),
        variables=frozen(dict(variables)),
        enforce=Enforcement(enforce.get("role", ""), enforce.get("variable", ""), enforce.get("none", "")),
        proves=checked["claim"]["proves"].strip(),
        does_not_prove=checked["claim"]["does_not_prove"].strip(),
    )


def _condition(applies: Mapping[str, Any], title: str) -> Condition:
    return Condition(_observed(applies["observe"], title), _expectation(applies["expect"], title), applies["otherwise"])


def _observed(document: Mapping[str, Any], title: str) -> Observed:
    probe = probes().get(document["probe"])
    if probe is None:
        raise ConfigurationError(f"{title}: there is no probe {document['probe']!r}; there are: {', '.join(probes())}")
    arguments = documents.check(
        document.get("arguments", {}), probe["arguments"], f"{title}, probe {document['probe']}"
    )
    key = tuple(document["key"].split("/"))
    if key[0] not in probe["keys"]:
        keys = ", ".join(probe["keys"])
        raise ConfigurationError(f"{title}: probe {document['probe']} sees no {key[0]!r}; it sees: {keys}")
    pairs = tuple(sorted((name, frozen(value)) for name, value in arguments.items()))
    return Observed(Look(document["probe"], pairs), key)


def _expectation(document: Mapping[str, Any], title: str) -> Expectation:
    ((comparison, wanted),) = document.items()
    try:
        return expectation(comparison, wanted)
    except ConfigurationError as error:
        raise ConfigurationError(f"{title}: {error}") from None


def _check_fixture(rule: Rule, name: str, fixture: Fixture) -> None:
    """A fixture has the keys that its probe can see, so that it cannot be judged for a slip of the pen."""
    keys = probes()[rule.observe.look.probe]["keys"]
    if isinstance(fixture.value, Mapping) and (unknown := sorted(set(fixture.value) - set(keys))):
        raise ConfigurationError(f"rule {rule.id}, {name}.yml: probe {rule.observe.look.probe} sees no {unknown[0]!r}")


def _resolved(value: Any, variables: Mapping[str, Value], used: set[str], title: str) -> Any:
    """With {variable: NAME} replaced everywhere."""
    if isinstance(value, dict):
        if set(value) == {"variable"}:
            if value["variable"] not in variables:
                raise ConfigurationError(f"{title}: variables has no {value['variable']!r}")
            used.add(value["variable"])
            return _thawed(variables[value["variable"]])
        return {name: _resolved(each, variables, used, title) for name, each in value.items()}
    return value


def _thawed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@cache
def probes() -> Mapping[str, Any]:
    """policies/schema/probes.yml, by probe."""
    return documents.schema("probes")


def _rule_ids(root: Traversable) -> tuple[str, ...]:
    return tuple(sorted(_found(root)))


def _found(root: Traversable) -> Iterator[str]:
    for area in root.iterdir():
        for folder in area.iterdir() if area.is_dir() else ():
            rule_id = f"{area.name}/{folder.name}"
            if not _ID.fullmatch(rule_id):
                raise ConfigurationError(
                    f"policies/rules/{rule_id}: a rule is <area>/<name>, areas are {', '.join(AREAS)}"
                )
            yield rule_id
