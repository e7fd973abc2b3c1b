# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for build pipelines: JUnit's XML, a suite for each area of rules."""

from __future__ import annotations

from itertools import groupby
from typing import Final
from xml.etree import ElementTree

from wolfguard.audit.result import Audit, Finding, State

_OUTCOMES: Final = {
    State.FAIL: "failure",
    State.ERROR: "error",
    State.WAIVED: "skipped",
    State.MANUAL: "skipped",
    State.NOT_APPLICABLE: "skipped",
}


def encode(audit: Audit) -> bytes:
    """The document, UTF-8."""
    root = ElementTree.Element("testsuites", {"name": f"wolfguard audit of {_legal(audit.place)}"})
    findings = sorted(audit.findings, key=lambda finding: finding.rule.id)
    for area, of_area in groupby(findings, key=lambda finding: finding.rule.area):
        _suite(root, area, list(of_area), audit)
    ElementTree.indent(root)
    encoded: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


def _suite(root: ElementTree.Element, area: str, findings: list[Finding], audit: Audit) -> None:
    outcomes = [_OUTCOMES.get(finding.state, "") for finding in findings]
    facts = {
        "name": area,
        "timestamp": audit.begun.strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": _legal(audit.place),
        "tests": str(len(findings)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
    }
    suite = ElementTree.SubElement(root, "testsuite", facts)
    for finding, outcome in zip(findings, outcomes, strict=True):
        seconds = f"{finding.milliseconds / 1000:.3f}"
        name = f"{finding.rule.id.partition('/')[2]}: {finding.rule.title}"
        case = ElementTree.SubElement(suite, "testcase", {"classname": area, "name": name, "time": seconds})
        if outcome:
            message = f"{finding.state.value}: {finding.reason}" if outcome == "skipped" else finding.reason
            told = ElementTree.SubElement(case, outcome, {"message": _legal(message)})
            told.text = _legal(f"{finding.source}\n{finding.rule.remedy}")


def _legal(text: str) -> str:
    """Without characters that XML 1.0 cannot hold (section 2.2)."""
    return "".join(each if each in "\t\n\r" or each.isprintable() else "?" for each in text)
