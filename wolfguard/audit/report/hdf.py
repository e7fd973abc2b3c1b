# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as Heimdall Data Format (InSpec's exec-json), which Heimdall shows and the SAF command line turns into
checklists, XCCDF, spreadsheets and plans of action.

A rule that does not apply has impact 0, as Heimdall wants it; a waived one keeps its failure beside the waiver.
"""

from __future__ import annotations

import json
from calendar import monthrange
from datetime import date
from typing import Any, Final

from wolfguard.audit.canonical import canonical
from wolfguard.audit.kept import Kept, KeptFinding
from wolfguard.audit.report.texts import line, seen, sentence, tailored
from wolfguard.audit.result import State
from wolfguard.crypto.digest import sha256
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Severity

_IMPACT: Final = {Severity.LOW: 0.3, Severity.MEDIUM: 0.5, Severity.HIGH: 0.7}
_STATUS: Final = {
    State.PASS: "passed",
    State.FAIL: "failed",
    State.ERROR: "error",
    State.NOT_APPLICABLE: "skipped",
    State.MANUAL: "skipped",
    State.WAIVED: "failed",
}
_NIST: Final = "nist-800-53r5"

Json = dict[str, Any]


def render(result: Kept) -> bytes:
    """A whole document in UTF-8."""
    asked = [[each.rule, each.look, each.expected.text()] for each in result.findings]
    profile = {
        "name": f"wolfguard-{result.profile}",
        "title": line(result.profile_title),
        "version": result.version,
        "summary": line(f"wolfguard audit of {result.place}"),
        "sha256": sha256(canonical(asked)).hex(),
        "supports": [],
        "attributes": [
            {"name": each.name, "options": {"value": told(each.value), "description": tailored(each)}}
            for each in result.tailored
        ],
        "groups": _groups(result),
        "controls": [_control(result, finding) for finding in result.findings],
        "status": "loaded",
    }
    document = {
        "platform": {"name": "wolfguard-gateway", "release": result.version, "target_id": line(result.place)},
        "profiles": [profile],
        "statistics": {"duration": (result.ended - result.begun).total_seconds()},
        "version": result.version,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _groups(result: Kept) -> list[Json]:
    areas = dict.fromkeys(finding.area for finding in result.findings)
    return [
        {"id": area, "title": area, "controls": [each.rule for each in result.findings if each.area == area]}
        for area in areas
    ]


def _control(result: Kept, finding: KeptFinding) -> Json:
    nist = [each.id for each in finding.references if each.framework == _NIST]
    others = [f"{each.framework} {each.id}" for each in finding.references if each.framework != _NIST]
    return {
        "id": finding.rule,
        "title": line(finding.title),
        "desc": line(finding.rationale or finding.proves),
        "descriptions": [
            {"label": "check", "data": line(f"{finding.look}: {finding.expected.text()}")},
            {"label": "fix", "data": line(finding.remedy)},
            {"label": "proves", "data": line(finding.proves)},
            {"label": "does not prove", "data": line(finding.does_not_prove)},
        ],
        "impact": 0.0 if finding.state is State.NOT_APPLICABLE else _IMPACT[finding.severity],
        "refs": [],
        "tags": {
            "nist": [*nist, "Rev_5"] if nist else [],
            "severity": finding.severity.name.lower(),
            "controls": others,
        },
        "code": "",
        "source_location": {"ref": f"policies/rules/{finding.rule}/rule.yml", "line": 1},
        **_words(result, finding),
        "results": [_outcome(result, finding)],
    }


def _words(result: Kept, finding: KeptFinding) -> Json:
    """What a person has said of it, in the form of InSpec's waivers and attestations."""
    word = finding.word
    if word is None:
        return {"waiver_data": {}}
    if finding.state is State.WAIVED:
        about = {"justification": line(word.text), "approver": line(word.approver), "expiration_date": word.expires}
        return {"waiver_data": {**about, "run": True, "skipped_due_to_waiver": False}}
    # this form has no end, but a day and for how long it counts from there; on the day of the audit it counted
    begun = result.begun.date()
    about = {
        "control_id": finding.rule,
        "explanation": line(word.text),
        "updated": f"{begun:%Y-%m-%d}",
        "frequency": f"{max((_day(word.expires) - begun).days, 0)}d",
        "updated_by": line(word.approver),
    }
    return {"waiver_data": {}, "attestation_data": {**about, "status": "passed", "expires": word.expires}}


def _day(text: str) -> date:
    """Of year, month and day; of a month that has fewer days, its last one."""
    year, month, day = map(int, text.split("-"))
    return date(year, month, min(day, monthrange(year, month)[1]))


def _outcome(result: Kept, finding: KeptFinding) -> Json:
    message = sentence(finding)
    status = _STATUS[finding.state]
    found: Json = {
        "status": status,
        "code_desc": line(f"{finding.source}: {seen(finding)}"),
        "run_time": finding.milliseconds / 1000,
        "start_time": f"{result.begun:%Y-%m-%dT%H:%M:%SZ}",
    }
    if status == "skipped":
        found["skip_message"] = message
    elif status != "passed":
        found["message"] = message
    return found
