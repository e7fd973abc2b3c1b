# SPDX-License-Identifier: GPL-3.0-or-later
"""Frameworks of controls (policies/controls) and audit profiles (policies/audit): who asks for what, and which rules
an audit looks at. Owns the reading and what must hold between them and the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.policy import variables
from wolfguard.policy.expect import Value, frozen
from wolfguard.policy.place import policies
from wolfguard.policy.rule import Rule
from wolfguard.policy.rules import AREAS, read_rules, rule_ids
from wolfguard.policy.variables import Tailored, Tailoring

DEFAULT_PROFILE: Final = "default"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Control:
    """`status` is covered, partly, not or outside; `note` says why where it is not covered."""

    id: str
    title: str
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class Framework:
    """`covers` says how much of the framework `controls` is."""

    name: str
    title: str
    release: str
    source: str
    covers: str
    controls: tuple[Control, ...]

    def by_control(self, rules: Sequence[Rule]) -> dict[str, tuple[Rule, ...]]:
        """Those that name each control, by its id."""
        found: dict[str, tuple[Rule, ...]] = {control.id: () for control in self.controls}
        for rule in rules:
            for name in {each.id for each in rule.references if each.framework == self.name}:
                if name in found:
                    found[name] += (rule,)
        return found


@dataclass(frozen=True, slots=True)
class AuditProfile:
    """`rules` are resolved with the profile's variables and a site's, by id. `tailored` are the values of these rules
    that are others than those that they come with."""

    name: str
    title: str
    about: str
    rules: tuple[Rule, ...]
    frameworks: tuple[Framework, ...]
    tailored: tuple[Tailored, ...] = ()


def framework_names() -> tuple[str, ...]:
    return _names("controls")


def audit_profile_names() -> tuple[str, ...]:
    return _names("audit")


def read_framework(name: str) -> Framework:
    """Raises ConfigurationError."""
    title = f"controls {name}"
    document = documents.read(_file("controls", name), title)
    checked = documents.check(document, documents.schema("controls"), title)
    controls = tuple(
        Control(each["id"], each["title"], each["status"], each.get("note", "").strip()) for each in checked["controls"]
    )
    controls += tuple(
        Control(control, named, each["status"], each["note"].strip())
        for each in checked.get("together", ())
        for control, named in each["controls"].items()
    )
    if len({each.id for each in controls}) != len(controls):
        raise ConfigurationError(f"{title}: it lists a control twice")
    if silent := [each.id for each in controls if each.status != "covered" and not each.note]:
        raise ConfigurationError(f"{title}: {silent[0]} is not covered and has no note that says why")
    return Framework(name, checked["title"], checked["release"], checked["source"], checked["covers"], controls)


def read_audit_profile(name: str, tailoring: Tailoring | None = None) -> AuditProfile:
    """Raises ConfigurationError, also for rules, variables or frameworks that there are not, and for values beyond
    their limits. What a site says (`tailoring`) goes before what the profile says."""
    title = f"audit profile {name}"
    document = documents.read(_file("audit", name), title)
    checked = documents.check(document, documents.schema("audit"), title)
    own: dict[str, Value] = frozen(checked.get("variables", {}))
    variables.check(own, title)
    overrides = {**own, **(tailoring.values if tailoring else {})}
    rules = read_rules(overrides)
    areas, single, without = (checked.get(key, []) for key in ("areas", "rules", "without"))
    for found, known, what in (
        (areas, AREAS, "area"),
        ((*single, *without), rule_ids(), "rule"),
        ((*checked.get("controls", []), *checked["frameworks"]), framework_names(), "framework"),
    ):
        if missing := [each for each in found if each not in known]:
            raise ConfigurationError(f"{title}: there is no {what} {missing[0]!r}")
    chosen = tuple(
        rule
        for rule in rules
        if rule.id not in without
        and (
            rule.area in areas
            or rule.id in single
            or any(each.framework in checked.get("controls", []) for each in rule.references)
        )
    )
    if not chosen:
        raise ConfigurationError(f"{title}: it chooses no rule")
    frameworks = tuple(read_framework(each) for each in checked["frameworks"])
    # what rules come with is read for comparison alone, and reading all of them takes a second
    tailored = tuple(_tailored(chosen, f"profile {name}", tailoring)) if overrides else ()
    return AuditProfile(name, checked["title"], checked["about"].strip(), chosen, frameworks, tailored)


def _tailored(rules: Sequence[Rule], profile: str, tailoring: Tailoring | None) -> Iterator[Tailored]:
    """Of variables that one of the rules has, each once."""
    known = variables.variables()
    site = tailoring or Tailoring("", {}, {})
    standing = {name: value for rule in read_rules() for name, value in rule.variables.items()}
    in_use = {name: value for rule in rules for name, value in rule.variables.items()}
    for name, value in sorted(in_use.items()):
        if value != standing[name]:
            origin = site.title if name in site.values else profile
            yield Tailored(name, known[name].means, value, standing[name], origin, site.reasons.get(name, ""))


def _names(folder: str) -> tuple[str, ...]:
    files = (policies() / folder).iterdir()
    return tuple(sorted(file.name.removesuffix(".yml") for file in files if file.name.endswith(".yml")))


def _file(folder: str, name: str) -> Traversable:
    known = _names(folder)
    if not _NAME.fullmatch(name) or name not in known:
        what = {"controls": "framework", "audit": "audit profile"}[folder]
        raise ConfigurationError(f"there is no {what} of that name; there are: {', '.join(known)}")
    return policies() / folder / f"{name}.yml"
