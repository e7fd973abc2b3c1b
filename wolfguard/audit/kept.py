# SPDX-License-Identifier: GPL-3.0-or-later
"""A result as it was kept: read again from result.json or a bundle, of this machine or another, of this version or an
older one. Reports, differences and histories are made from it alone, so that they can be made again at any time and
say nothing that the kept bytes do not. Owns the reading; must not look at any machine or rule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wolfguard.audit.evidence import bundle
from wolfguard.audit.result import State, Word
from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.policy.expect import COMPARISONS, Expectation, Value, frozen
from wolfguard.policy.rule import Reference, Severity
from wolfguard.policy.variables import Tailored

DEPTH_MAX: Final = 16
"""Values are not nested deeper, so that nothing that walks them can be made to fail."""
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """As `result.Finding`, with what a report needs of its rule. `look` is the observation as words."""

    rule: str
    title: str
    severity: Severity
    rationale: str
    state: State
    observed: Value
    expected: Expectation
    source: str
    reason: str
    look: str
    proves: str
    does_not_prove: str
    references: tuple[Reference, ...]
    remedy: str
    milliseconds: int
    word: Word | None

    @property
    def area(self) -> str:
        return self.rule.partition("/")[0]


@dataclass(frozen=True, slots=True)
class KeptControl:
    """`rules` are ids of findings of this result."""

    id: str
    title: str
    status: str
    note: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptFramework:
    """What `policy.controls.Framework` says, with the rules of this result."""

    name: str
    title: str
    release: str
    controls: tuple[KeptControl, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole result. Moments are aware, in UTC. `findings` are in the order of their rules."""

    profile: str
    profile_title: str
    place: str
    version: str
    begun: datetime
    ended: datetime
    findings: tuple[KeptFinding, ...]
    frameworks: tuple[KeptFramework, ...]
    remarks: tuple[str, ...]
    tailored: tuple[Tailored, ...] = ()

    def count(self, state: State) -> int:
        return sum(finding.state is state for finding in self.findings)

    def by_rule(self) -> Mapping[str, KeptFinding]:
        return {finding.rule: finding for finding in self.findings}

    def order(self) -> tuple[KeptFinding, ...]:
        """The worst first: failures before what was not seen, and high before low."""
        states = list(State)
        states.sort(key=[State.FAIL, State.ERROR, State.WAIVED, State.MANUAL, State.PASS, State.NOT_APPLICABLE].index)
        return tuple(sorted(self.findings, key=lambda each: (states.index(each.state), -each.severity, each.rule)))


def parse(content: bytes, title: str) -> Kept:
    """Of result.json or of a bundle, whose chain and seal are not looked at here. Raises ConfigurationError; `title` is
    how the text calls the file."""
    try:
        if bundle.is_bundle(content):
            lines = [json.loads(line) for line in content.split(b"\n") if line]
            document = bundle.result([each["body"] for each in lines if "seal" not in each])
        else:
            document = json.loads(content)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError(f"{title}: it is no result of an audit, or not all of one") from None
    return read(document, title)


def read(document: object, title: str) -> Kept:
    """The same of a parsed result. Raises ConfigurationError."""
    if not isinstance(document, dict) or not str(document.get("format", "")).startswith("wolfguard-audit/"):
        raise ConfigurationError(f"{title}: it is no result of an audit")
    checked = documents.check(document, documents.schema("result"), title, unknown=True)
    try:
        found = tuple(_finding(each) for each in checked["findings"])
        for each in checked.get("tailored", ()):
            _must_be_shallow([each["value"], each["instead_of"]])
        begun, ended = (_moment(checked[name]) for name in ("begun", "ended"))
    except ValueError as error:
        raise ConfigurationError(f"{title}: {error}") from None
    if len({each.rule for each in found}) != len(found):
        raise ConfigurationError(f"{title}: it holds a rule twice")
    return Kept(
        profile=checked["profile"]["name"],
        profile_title=checked["profile"]["title"],
        place=checked["place"],
        version=checked["version"],
        begun=begun,
        ended=ended,
        findings=found,
        frameworks=tuple(_framework(each) for each in checked["frameworks"]),
        remarks=tuple(checked["remarks"]),
        tailored=tuple(_tailored(each) for each in checked.get("tailored", ())),
    )


def _finding(each: Mapping[str, Any]) -> KeptFinding:
    ((comparison, wanted),) = each["expected"].items()
    if comparison not in COMPARISONS:
        raise ValueError(f"there is no comparison {comparison!r}")
    look = each["look"]
    for value in (each["observed"], wanted, look["arguments"]):
        _must_be_shallow(value)
    arguments = ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(look["arguments"].items())
    )
    word = each["word"]
    return KeptFinding(
        rule=each["rule"],
        title=each["title"],
        severity=Severity[each["severity"].upper()],
        rationale=each.get("rationale", ""),
        state=State(each["state"]),
        observed=frozen(each["observed"]),
        expected=Expectation(comparison, frozen(wanted)),
        source=each["source"],
        reason=each["reason"],
        look=f"{look['probe']} {look['key']}" + (f" ({arguments})" if arguments else ""),
        proves=each["claim"]["proves"],
        does_not_prove=each["claim"]["does_not_prove"],
        references=tuple(Reference(one["framework"], one["id"]) for one in each["references"]),
        remedy=each["remedy"],
        milliseconds=each["milliseconds"],
        word=None if word is None else Word(word["text"], word["approver"], word["expires"]),
    )


def _tailored(each: Mapping[str, Any]) -> Tailored:
    value, standing = frozen(each["value"]), frozen(each["instead_of"])
    return Tailored(each["name"], each["means"], value, standing, each["origin"], each["reason"])


def _must_be_shallow(value: object, left: int = DEPTH_MAX) -> None:
    """Raises ValueError."""
    if isinstance(value, list | dict):
        if not left:
            raise ValueError(f"a value is nested more than {DEPTH_MAX} deep")
        for part in value.values() if isinstance(value, dict) else value:
            _must_be_shallow(part, left - 1)


def _framework(each: Mapping[str, Any]) -> KeptFramework:
    controls = tuple(
        KeptControl(one["id"], one["title"], one["status"], one["note"], tuple(one["rules"]))
        for one in each["controls"]
    )
    return KeptFramework(each["name"], each["title"], each["release"], controls)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
