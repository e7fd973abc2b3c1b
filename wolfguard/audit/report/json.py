# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for programs and for evidence: JSON in one canonical form, so that its bytes can be hashed and signed.

Keys are sorted, there is no white space, no fraction and no escape that is not needed (RFC 8785 for what stands in it).
`FORMAT` changes with the meaning of a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from wolfguard.audit.canonical import canonical
from wolfguard.audit.result import Audit, Finding, State
from wolfguard.policy.controls import Framework
from wolfguard.policy.expect import Value
from wolfguard.policy.rule import Rule
from wolfguard.policy.variables import Tailored

FORMAT: Final = "wolfguard-audit/1"

Json = dict[str, Any]


def encode(audit: Audit) -> bytes:
    """The canonical bytes, without a line end."""
    return canonical(document(audit))


def document(audit: Audit) -> Json:
    """The same as an object."""
    return {
        "format": FORMAT,
        "profile": {"name": audit.profile.name, "title": audit.profile.title},
        "tailored": [_tailored(each) for each in audit.profile.tailored],
        "place": audit.place,
        "version": audit.version,
        "begun": _moment(audit.begun),
        "ended": _moment(audit.ended),
        "counts": {state.value: audit.count(state) for state in State},
        "findings": [_finding(finding) for finding in audit.findings],
        "frameworks": [_framework(framework, audit.profile.rules) for framework in audit.profile.frameworks],
        "remarks": list(audit.remarks),
    }


def _framework(framework: Framework, rules: Sequence[Rule]) -> Json:
    of_control = framework.by_control(rules)
    return {
        "name": framework.name,
        "title": framework.title,
        "release": framework.release,
        "controls": [
            {
                "id": control.id,
                "title": control.title,
                "status": control.status,
                "note": control.note,
                "rules": [rule.id for rule in of_control[control.id]],
            }
            for control in framework.controls
        ],
    }


def _finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule.id,
        "title": finding.rule.title,
        "severity": finding.rule.severity.name.lower(),
        "rationale": finding.rule.rationale,
        "state": finding.state.value,
        "observed": _plain(finding.observed),
        "expected": {finding.rule.expect.comparison: _plain(finding.rule.expect.wanted)},
        "source": finding.source,
        "reason": finding.reason,
        "look": _look(finding.rule),
        "variables": _plain(dict(finding.rule.variables)),
        "claim": {"proves": finding.rule.proves, "does_not_prove": finding.rule.does_not_prove},
        "references": [{"framework": each.framework, "id": each.id} for each in finding.rule.references],
        "remedy": finding.rule.remedy,
        "milliseconds": finding.milliseconds,
        "word": None
        if finding.word is None
        else {"text": finding.word.text, "approver": finding.word.approver, "expires": finding.word.expires},
    }


def _tailored(each: Tailored) -> Json:
    return {
        "name": each.name,
        "means": each.means,
        "value": _plain(each.value),
        "instead_of": _plain(each.instead_of),
        "origin": each.origin,
        "reason": each.reason,
    }


def _look(rule: Rule) -> Json:
    look = rule.observe.look
    arguments = {name: _plain(value) for name, value in look.arguments}
    return {"probe": look.probe, "arguments": arguments, "key": "/".join(rule.observe.key)}


def _plain(value: Value) -> Any:
    """Lists for tuples."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
