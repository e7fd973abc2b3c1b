# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as one page that a person reads, prints and carries away: no script, nothing fetched, failures first.

Owns what stands where; the template owns how it looks. Everything that a machine said is escaped by the template
engine, and no part of it becomes an address, a style or an element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import jinja2

from wolfguard.audit.kept import Kept, KeptControl, KeptFinding, KeptFramework
from wolfguard.audit.report import bars
from wolfguard.audit.report.bars import ORDER
from wolfguard.audit.report.texts import STATES, line, plain, tailored
from wolfguard.audit.result import State
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Severity

TEMPLATE: Final = "page.html.j2"
ITEMS_MAX: Final = 40
"""Of a longer list the page shows the first ones; result.json has them all."""

# Sections of findings that somebody has to look at, in the order of the page, with their anchors and first sentences.
_SECTIONS: Final = (
    (State.FAIL, "failed", "Each with what to do. The worst come first."),
    (State.ERROR, "not-seen", "An error is never a pass: nobody knows how these are until somebody can look."),
    (State.WAIVED, "accepted", "They fail, and somebody has accepted that for a time."),
    (State.MANUAL, "manual", "Only a person can say how these are."),
)
_AREAS: Final = {
    "fips": "Cryptographic module",
    "tls": "TLS",
    "dtls": "DTLS",
    "keys": "Keys and certificates",
    "auth": "Logins",
    "network": "Network",
    "records": "Records",
    "host": "Machine",
    "confinement": "Confinement",
    "build": "Build and installation",
}
_CONTROL_WORDS: Final = {
    State.FAIL: "a rule fails",
    State.ERROR: "not looked at",
    State.WAIVED: "accepted by the site",
    State.MANUAL: "for a person to say",
    State.PASS: "no failure",
    State.NOT_APPLICABLE: "does not apply",
}


@dataclass(frozen=True, slots=True)
class Area:
    """`counts` are by state, in the order of the bars."""

    name: str
    title: str
    findings: tuple[KeptFinding, ...]
    counts: dict[State, int]
    rest: tuple[KeptFinding, ...]
    """Those that pass or do not apply."""


@dataclass(frozen=True, slots=True)
class Controls:
    """A framework with the state of each control of which a rule looks at something."""

    framework: KeptFramework
    seen: tuple[tuple[KeptControl, State, str], ...]
    without: tuple[KeptControl, ...]
    counts: dict[State, int]


def render(result: Kept, unsigned: str = "") -> bytes:
    """A whole page in UTF-8. `unsigned` says why nobody has signed it, where that is known."""
    page = _template().render(
        result=result,
        unsigned=line(unsigned) if unsigned else "",
        tailored=[tailored(each) for each in result.tailored],
        verdict=verdict(result),
        counts=counts(result.findings),
        severities=[(severity, _of(result, severity)) for severity in sorted(Severity, reverse=True)],
        sections=[
            (state, anchor, about, found)
            for state, anchor, about in _SECTIONS
            if (found := [each for each in result.order() if each.state is state])
        ],
        areas=areas(result),
        frameworks=[controls(result, framework) for framework in result.frameworks],
        State=State,
        states=STATES,
    )
    return page.encode()


def verdict(result: Kept) -> str:
    """The page in one sentence."""
    failed, unseen = result.count(State.FAIL), result.count(State.ERROR)
    serious = sum(each.state is State.FAIL and each.severity is Severity.HIGH for each in result.findings)
    if failed:
        high = f", {serious} of them of high severity" if serious else ""
        also = f"; {unseen} could not be looked at" if unseen else ""
        return f"{failed} of {len(result.findings)} rules {'fails' if failed == 1 else 'fail'}{high}{also}."
    if unseen:
        return f"No rule fails, but {unseen} of {len(result.findings)} could not be looked at."
    return f"None of {len(result.findings)} rules fails."


def counts(findings: Sequence[KeptFinding]) -> dict[State, int]:
    """How many there are of each state."""
    return {state: sum(each.state is state for each in findings) for state in ORDER}


def areas(result: Kept) -> list[Area]:
    """In the order of the rules."""
    found: list[Area] = []
    for name in dict.fromkeys(each.area for each in result.findings):
        mine = tuple(each for each in result.order() if each.area == name)
        rest = tuple(each for each in mine if each.state in (State.PASS, State.NOT_APPLICABLE))
        found.append(Area(name, _AREAS.get(name, name.capitalize()), mine, counts(mine), rest))
    return found


def controls(result: Kept, framework: KeptFramework) -> Controls:
    """A control is as its worst rule."""
    findings = result.by_rule()
    seen: list[tuple[KeptControl, State, str]] = []
    for control in framework.controls:
        states = {findings[rule].state for rule in control.rules if rule in findings}
        if states:
            worst = next(state for state in ORDER if state in states)
            partly = worst is State.PASS and control.status != "covered"
            seen.append((control, worst, "a part is shown" if partly else _CONTROL_WORDS[worst]))
    without = tuple(each for each in framework.controls if each.id not in {control.id for control, _, _ in seen})
    numbers = {state: sum(each is state for _, each, _ in seen) for state in ORDER}
    return Controls(framework, tuple(sorted(seen, key=lambda each: ORDER.index(each[1]))), without, numbers)


def _of(result: Kept, severity: Severity) -> dict[State, int]:
    return counts([each for each in result.findings if each.severity is severity])


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(told=_told, line=line, bar=bars.bar, parts=_parts)
    environment.filters.update(grouped=_grouped, alone=_alone, sentence_case=_sentence_case)
    text = (resources.files(__package__) / TEMPLATE).read_text("utf-8")
    return environment.from_string(text)


def _told(value: Any) -> str:
    return plain(told(value))


def _parts(value: Any) -> tuple[list[Any], int]:
    """The first parts of a list or the pairs of a mapping, and how many more there are."""
    found = list(value.items()) if isinstance(value, dict) else list(value)
    return found[:ITEMS_MAX], max(0, len(found) - ITEMS_MAX)


def _grouped(findings: Sequence[KeptFinding]) -> list[tuple[str, list[KeptFinding]]]:
    """Errors that have one reason together, such as a gateway that does not answer; the most first."""
    reasons: dict[str, list[KeptFinding]] = {}
    for finding in findings:
        if finding.state is State.ERROR:
            reasons.setdefault(finding.reason, []).append(finding)
    several = [(reason, found) for reason, found in reasons.items() if len(found) > 1]
    return sorted(several, key=lambda each: -len(each[1]))


def _alone(findings: Sequence[KeptFinding]) -> list[KeptFinding]:
    """Those that are in no group."""
    together = {finding.rule for _, found in _grouped(findings) for finding in found}
    return [finding for finding in findings if finding.rule not in together]


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
