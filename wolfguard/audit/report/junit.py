# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for continuous integration: JUnit's XML, a suite for each area and a case for each rule.

What does not apply, waits for a person or is waived is skipped with its reason; what nobody could look at is an error.
"""

from __future__ import annotations

from xml.etree import ElementTree

from wolfguard.audit.kept import Kept, KeptFinding
from wolfguard.audit.report.texts import line, sentence, tailored
from wolfguard.audit.result import State

_SKIPPED = (State.NOT_APPLICABLE, State.MANUAL, State.WAIVED)


def render(result: Kept) -> bytes:
    """A whole document in UTF-8."""
    name = {"name": line(f"wolfguard audit of {result.place}")}
    root = ElementTree.Element("testsuites", {**name, **_counts(result.findings)})
    if result.tailored:
        properties = ElementTree.SubElement(root, "properties")
        for each in result.tailored:
            ElementTree.SubElement(properties, "property", name=each.name, value=tailored(each))
    for area in dict.fromkeys(finding.area for finding in result.findings):
        found = tuple(finding for finding in result.findings if finding.area == area)
        moment = f"{result.begun:%Y-%m-%dT%H:%M:%S}"
        about = {"name": area, "hostname": line(result.place), "timestamp": moment}
        suite = ElementTree.SubElement(root, "testsuite", {**about, **_counts(found)})
        for finding in found:
            _case(suite, finding)
    ElementTree.indent(root)
    encoded: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


def _counts(findings: tuple[KeptFinding, ...]) -> dict[str, str]:
    return {
        "tests": str(len(findings)),
        "failures": str(sum(each.state is State.FAIL for each in findings)),
        "errors": str(sum(each.state is State.ERROR for each in findings)),
        "skipped": str(sum(each.state in _SKIPPED for each in findings)),
        "time": _seconds(sum(each.milliseconds for each in findings)),
    }


def _case(suite: ElementTree.Element, finding: KeptFinding) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=finding.area, name=finding.rule, time=_seconds(finding.milliseconds)
    )
    properties = ElementTree.SubElement(case, "properties")
    controls = ", ".join(f"{each.framework} {each.id}" for each in finding.references)
    for name, value in (
        ("title", finding.title),
        ("severity", finding.severity.name.lower()),
        ("state", finding.state.value),
        ("controls", controls),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=line(value))
    message = sentence(finding)
    if finding.state in _SKIPPED:
        ElementTree.SubElement(case, "skipped", message=message)
    elif finding.state in (State.FAIL, State.ERROR):
        kind = "failure" if finding.state is State.FAIL else "error"
        about = ElementTree.SubElement(case, kind, type=finding.severity.name.lower(), message=message)
        about.text = "\n".join(
            (
                line(finding.title),
                f"where: {line(finding.source)}",
                f"look: {line(finding.look)}",
                f"do: {line(finding.remedy)}",
            )
        )


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
