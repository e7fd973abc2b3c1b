# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as MITRE's Heimdall reads it (HDF, the exec-json of InSpec); SAF makes checklists from it."""

from __future__ import annotations

import json
from typing import Any, Final

from wolfguard.audit.result import Audit, Finding, State
from wolfguard.crypto.digest import sha256
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Severity

_IMPACT: Final = {Severity.LOW: 0.3, Severity.MEDIUM: 0.5, Severity.HIGH: 0.7}
_STATUS: Final = {
    State.PASS: "passed",
    State.FAIL: "failed",
    State.WAIVED: "failed",
    State.ERROR: "error",
    State.NOT_APPLICABLE: "skipped",
    State.MANUAL: "skipped",
}
_NIST: Final = "nist-800-53r5"
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"

Json = dict[str, Any]


def encode(audit: Audit) -> bytes:
    """The document, UTF-8."""
    return json.dumps(document(audit), ensure_ascii=False, indent=1).encode() + b"\n"


def document(audit: Audit) -> Json:
    """The same as an object."""
    controls = [_control(finding, audit) for finding in audit.findings]
    rules = json.dumps([control["id"] for control in controls]).encode()
    return {
        "platform": {"name": "wolfguard audit", "release": audit.version, "target_id": audit.place},
        "version": audit.version,
        "statistics": {"duration": (audit.ended - audit.begun).total_seconds()},
        "profiles": [
            {
                "name": f"wolfguard-{audit.profile.name}",
                "version": audit.version,
                "title": audit.profile.title,
                "summary": audit.profile.about,
                "sha256": sha256(rules).hex(),
                "supports": [],
                "attributes": [],
                "groups": [],
                "status": "loaded",
                "controls": controls,
            }
        ],
    }


def _control(finding: Finding, audit: Audit) -> Json:
    rule = finding.rule
    control: Json = {
        "id": rule.id,
        "title": rule.title,
        "desc": rule.rationale,
        "descriptions": [
            {"label": "check", "data": f"{'/'.join(rule.observe.key)}: {rule.expect.text()}"},
            {"label": "fix", "data": rule.remedy},
            {"label": "proves", "data": rule.proves},
            {"label": "does not prove", "data": rule.does_not_prove},
        ],
        # what does not apply has no impact: that is how Heimdall tells it from what was skipped
        "impact": 0.0 if finding.state is State.NOT_APPLICABLE else _IMPACT[rule.severity],
        "refs": [],
        "tags": {
            "severity": rule.severity.name.lower(),
            "nist": [each.id for each in rule.references if each.framework == _NIST],
            "controls": [f"{each.framework} {each.id}" for each in rule.references],
        },
        "code": "",
        "source_location": {"ref": f"policies/rules/{rule.id}/rule.yml", "line": 1},
        "results": [_result(finding, audit)],
    }
    if finding.state is State.WAIVED and finding.word is not None:
        control["waiver_data"] = {
            "justification": f"{finding.word.text} ({finding.word.approver})",
            "expiration_date": finding.word.expires,
            "run": True,
            "skipped_due_to_waiver": False,
            "message": "",
        }
    return control


def _result(finding: Finding, audit: Audit) -> Json:
    result: Json = {
        "status": _STATUS[finding.state],
        "code_desc": f"{finding.source}: {told(finding.observed)}",
        "run_time": finding.milliseconds / 1000,
        "start_time": audit.begun.strftime(_MOMENT),
    }
    if finding.state in (State.NOT_APPLICABLE, State.MANUAL):
        result["skip_message"] = finding.reason
    elif finding.reason:
        result["message"] = finding.reason
    return result
