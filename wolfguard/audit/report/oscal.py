# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as OSCAL assessment results (NIST, version 1.2.3): an observation for each rule, a risk for each failure,
and a finding for each control of which a rule looks at something.

A control is satisfied only where it is covered by rules and all of them hold; where a machine shows a part of it
OSCAL's word is "not-satisfied", with what was seen beside it. What OSCAL has no word for is in properties of our
name space. Identifiers are made of what they stand for, so that the same evidence gives the same document.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from wolfguard.audit.kept import Kept, KeptControl, KeptFinding, KeptFramework
from wolfguard.audit.report.texts import STATES, line, markdown, seen, sentence, tailored
from wolfguard.audit.result import State
from wolfguard.crypto.digest import sha256

VERSION: Final = "1.2.3"
NAME_SPACE: Final = "urn:wolfguard-gateway:oscal:1"
BUNDLE: Final = "bundle.jsonl"
_TOKEN: Final = re.compile(r"[^A-Za-z0-9.\-_]+")
_ENHANCEMENT: Final = re.compile(r"\((\d+)\)")
_HOLDS: Final = (State.PASS, State.NOT_APPLICABLE)

Json = dict[str, Any]


def render(result: Kept) -> bytes:
    """A whole document in UTF-8."""
    return json.dumps(_Writer(result).document(), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def control_id(framework: str, name: str) -> str:
    """As catalogues of OSCAL have it: AC-17(2) is ac-17.2; ids that are no tokens get their framework's name."""
    token = _TOKEN.sub("-", _ENHANCEMENT.sub(r".\1", name)).strip("-")
    if framework.startswith("nist-800-53"):
        token = token.lower()
    return token if token[:1].isalpha() else f"{framework}_{token}"


class _Writer:
    """One document. Everything in it is identified within (place, profile, begin)."""

    def __init__(self, result: Kept) -> None:
        self._result = result
        self._place = line(result.place)
        self._run = f"{result.place}\n{result.profile}\n{result.begun.isoformat()}"
        self._findings = result.by_rule()

    def document(self) -> Json:
        result = self._result
        metadata = {
            "title": line(f"wolfguard audit of {result.place}, profile {result.profile}"),
            "last-modified": _moment(result.ended),
            "version": _moment(result.begun),
            "oscal-version": VERSION,
            "props": [_prop("wolfguard-version", result.version)],
        }
        plan = {
            "uuid": self._id("plan"),
            "title": line(f"Audit profile {result.profile}: {result.profile_title}"),
            "description": "The rules that were judged, each with its observation, are the plan. "
            f"Who has wolfguard reads them with `wolfguard policy show {result.profile}`.",
        }
        evidence = {
            "uuid": self._id("evidence"),
            "title": "Bundle of evidence",
            "description": "The chain of what was observed, with the signature over it and over this document. "
            "`wolfguard audit verify` checks it.",
            "rlinks": [{"href": BUNDLE}],
        }
        return {
            "assessment-results": {
                "uuid": self._id("results"),
                "metadata": metadata,
                "import-ap": {"href": f"#{self._id('plan')}"},
                "results": [self._whole()],
                "back-matter": {"resources": [plan, evidence]},
            }
        }

    def _whole(self) -> Json:
        result = self._result
        whole: Json = {
            "uuid": self._id("result"),
            "title": line(f"Profile {result.profile}: {result.profile_title}"),
            "description": f"What wolfguard {line(result.version)} observed on {markdown(result.place)}.",
            "start": _moment(result.begun),
            "end": _moment(result.ended),
            "props": [_prop(f"count-{state.value}", str(result.count(state))) for state in State],
            "local-definitions": self._definitions(),
            "reviewed-controls": {"control-selections": self._selections()},
            "observations": [self._observation(each) for each in result.findings],
        }
        if risks := [self._risk(each) for each in result.findings if each.state in (State.FAIL, State.WAIVED)]:
            whole["risks"] = risks
        if findings := list(self._controls()):
            whole["findings"] = findings
        if remarks := [*map(tailored, result.tailored), *result.remarks]:
            whole["remarks"] = "\n\n".join(markdown(each) for each in remarks)
        return whole

    def _definitions(self) -> Json:
        version = [{"name": "version", "value": line(self._result.version)}]
        return {
            "components": [
                {
                    "uuid": self._id("gateway"),
                    "type": "system",
                    "title": self._place,
                    "description": "The machine that was looked at, with the gateway on it.",
                    "status": {"state": "operational"},
                }
            ],
            "assessment-assets": {
                "components": [
                    {
                        "uuid": self._id("tool"),
                        "type": "software",
                        "title": "wolfguard audit",
                        "description": "Observes a gateway and its machine from outside, and judges each rule.",
                        "props": version,
                        "status": {"state": "operational"},
                    }
                ],
                "assessment-platforms": [
                    {
                        "uuid": self._id("platform"),
                        "title": self._place,
                        "uses-components": [{"component-uuid": self._id("tool")}],
                    }
                ],
            },
        }

    def _selections(self) -> list[Json]:
        """Controls of which a rule looks at something, by framework. OSCAL wants one selection at least."""
        found: list[Json] = [
            {
                "description": markdown(f"{framework.title}, {framework.release}"),
                "props": [_prop("framework", framework.name)],
                "include-controls": [
                    {"control-id": control_id(framework.name, each.id)} for each in framework.controls if each.rules
                ],
            }
            for framework in self._result.frameworks
            if any(each.rules for each in framework.controls)
        ]
        nothing = "The profile names no control: each rule is an observation of its own."
        return found or [{"description": nothing, "include-all": {}}]

    def _observation(self, finding: KeptFinding) -> Json:
        evidence = {
            "description": markdown(f"{finding.source}: {seen(finding)}"),
            "props": [
                _prop("look", finding.look),
                _prop("expected", finding.expected.text()),
                _prop("observed", seen(finding)),
            ],
        }
        return {
            "uuid": self._id("observation", finding.rule),
            "title": line(finding.title),
            "description": markdown(sentence(finding)),
            "props": [
                _prop("rule-id", finding.rule),
                _prop("state", finding.state.value),
                _prop("severity", finding.severity.name.lower()),
            ],
            "methods": [_method(finding)],
            "types": ["control-objective"],
            "origins": self._origins(),
            "subjects": [{"subject-uuid": self._id("gateway"), "type": "component"}],
            "relevant-evidence": [evidence],
            "collected": _moment(self._result.begun),
            "remarks": markdown(f"Proves: {finding.proves} Does not prove: {finding.does_not_prove}"),
        }

    def _risk(self, finding: KeptFinding) -> Json:
        word = finding.word
        risk: Json = {
            "uuid": self._id("risk", finding.rule),
            "title": line(f"Not so: {finding.title}"),
            "description": markdown(sentence(finding)),
            "statement": markdown(finding.rationale or finding.title),
            "props": [_prop("rule-id", finding.rule), _prop("severity", finding.severity.name.lower())],
            "status": "open" if word is None else "deviation-approved",
            "origins": self._origins(),
            "remediations": [
                {
                    "uuid": self._id("remediation", finding.rule),
                    "lifecycle": "recommendation",
                    "title": line(f"Bring about: {finding.title}"),
                    "description": markdown(finding.remedy),
                }
            ],
            "related-observations": [{"observation-uuid": self._id("observation", finding.rule)}],
        }
        if word is not None:
            risk["props"] += [
                _prop("waiver-approver", word.approver),
                _prop("waiver-expires", word.expires),
                _prop("waiver-justification", word.text),
            ]
            risk["deadline"] = f"{word.expires}T23:59:59Z"
        return risk

    def _controls(self) -> Iterator[Json]:
        for framework in self._result.frameworks:
            for control in framework.controls:
                found = [self._findings[rule] for rule in control.rules if rule in self._findings]
                if found:
                    yield self._finding(framework, control, found)

    def _finding(self, framework: KeptFramework, control: KeptControl, found: Sequence[KeptFinding]) -> Json:
        token = control_id(framework.name, control.id)
        status, why = _status(control, found)
        key = f"{framework.name}/{control.id}"
        finding: Json = {
            "uuid": self._id("finding", key),
            "title": line(f"{control.id} {control.title}"),
            "description": markdown(why),
            "props": [
                _prop("framework", framework.name),
                _prop("control", control.id),
                _prop("coverage", control.status),
            ],
            "origins": self._origins(),
            "target": {"type": "statement-id", "target-id": f"{token}_smt", "status": status},
            "related-observations": [{"observation-uuid": self._id("observation", each.rule)} for each in found],
        }
        risks = [each for each in found if each.state in (State.FAIL, State.WAIVED)]
        if risks:
            finding["related-risks"] = [{"risk-uuid": self._id("risk", each.rule)} for each in risks]
        return finding

    def _origins(self) -> list[Json]:
        return [{"actors": [{"type": "tool", "actor-uuid": self._id("tool")}]}]

    def _id(self, kind: str, name: str = "") -> str:
        """Name-based as version 5 of RFC 9562, with SHA-256 in the place of SHA-1, which no module has any more."""
        made = sha256(f"{NAME_SPACE}\n{self._run}\n{kind}\n{name}".encode())
        return str(uuid.UUID(bytes=made[:16], version=5))


def _status(control: KeptControl, found: Sequence[KeptFinding]) -> tuple[Json, str]:
    """OSCAL's status of a control, and the sentence for people."""
    counts = {state: sum(each.state is state for each in found) for state in State}
    said = ", ".join(f"{STATES[state].lower()}: {count}" for state, count in counts.items() if count)
    holds = all(each.state in _HOLDS for each in found)
    if holds and counts[State.PASS] and control.status == "covered":
        return {"state": "satisfied", "reason": "pass"}, f"Rules that {said}."
    note = f" {control.note}" if control.note else ""
    if holds:
        return {"state": "not-satisfied", "reason": "other"}, f"What a machine shows of it holds ({said}).{note}"
    reason = "fail" if counts[State.FAIL] else "other"
    return {"state": "not-satisfied", "reason": reason}, f"Rules that {said}.{note}"


def _method(finding: KeptFinding) -> str:
    """OSCAL's word for how it was looked at."""
    if finding.state is State.PASS and finding.word is not None:
        return "INTERVIEW"
    return "UNKNOWN" if finding.state is State.MANUAL else "TEST"


def _prop(name: str, value: str) -> Json:
    return {"name": name, "ns": NAME_SPACE, "value": line(value)}


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
