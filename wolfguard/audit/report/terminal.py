# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for a person at a terminal: what fails first and the worst of it first, then what could not be looked at.

No colour, so that nothing has to be switched off; what the machine said never reaches the terminal with its control
characters.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from wolfguard.audit.report.texts import tailored
from wolfguard.audit.result import Audit, Finding, State
from wolfguard.policy.expect import told

WIDTH: Final = 118
_NAMES: Final = {
    State.FAIL: "Failed",
    State.ERROR: "Could not be looked at",
    State.WAIVED: "Failed, and accepted by the site",
    State.MANUAL: "For a person to say",
    State.NOT_APPLICABLE: "Do not apply here",
    State.PASS: "Passed",
}
_WITH_ALL: Final = (State.NOT_APPLICABLE, State.PASS)


def render(audit: Audit, *, everything: bool = False) -> list[str]:
    """Lines. `everything`: also each rule that passes or does not apply."""
    head = f"wolfguard audit of {audit.place}, {audit.begun:%Y-%m-%d %H:%M:%S} UTC"
    lines = [_plain(head), f"profile {audit.profile.name}: {audit.profile.title}"]
    lines += [each for value in audit.profile.tailored for each in _wrapped(f"value: {tailored(value)}", "  ")]
    lines += ["", *_counts(audit)]
    for state, name in _NAMES.items():
        found = sorted(
            (finding for finding in audit.findings if finding.state is state),
            key=lambda finding: (-finding.rule.severity, finding.rule.id),
        )
        if found and (everything or state not in _WITH_ALL):
            lines += ["", f"{name} ({len(found)})"]
            lines += [line for finding in found for line in _finding(finding)]
    if audit.profile.frameworks:
        lines += ["", "Controls", *_frameworks(audit)]
    for remark in audit.remarks:
        lines += ["", *_wrapped(f"Note: {remark}", "")]
    return lines


def _counts(audit: Audit) -> Iterator[str]:
    words = [f"{audit.count(state)} {state.value}" for state in _NAMES if audit.count(state)]
    yield f"{len(audit.findings)} rules: {', '.join(words)}"


def _finding(finding: Finding) -> Iterator[str]:
    rule = finding.rule
    yield f"  {rule.severity.name.lower():<6}  {rule.id}"
    yield from _wrapped(rule.title, " " * 10)
    if finding.state is State.PASS:
        word = finding.word
        by = finding.source if word is None else f"{word.approver}, until {word.expires}"
        yield from _wrapped(f"{'seen' if word is None else 'attested'}: {told(finding.observed)} ({by})", " " * 10)
        return
    where = f" ({finding.source})" if finding.state in (State.FAIL, State.WAIVED) else ""
    yield from _wrapped(f"{finding.reason}{where}", " " * 10)
    if finding.state is State.FAIL:
        yield from _wrapped(f"do: {rule.remedy}", " " * 10)
    if finding.word is not None:
        word = finding.word
        yield from _wrapped(f"accepted by {word.approver} until {word.expires}: {word.text}", " " * 10)


def _frameworks(audit: Audit) -> Iterator[str]:
    """Per framework how many of its controls have rules here that all pass."""
    states = {finding.rule.id: finding.state for finding in audit.findings}
    for framework in audit.profile.frameworks:
        kept = failed = unseen = 0
        of_control = framework.by_control(audit.profile.rules)
        for control in framework.controls:
            found = {states[rule.id] for rule in of_control[control.id]}
            failed += State.FAIL in found
            unseen += State.ERROR in found and State.FAIL not in found
            kept += bool(found) and found <= {State.PASS, State.NOT_APPLICABLE, State.WAIVED}
        without = len(framework.controls) - kept - failed - unseen
        yield from _wrapped(
            f"{framework.title} ({framework.release}): of {len(framework.controls)} controls {kept} with no failure, "
            f"{failed} with one, {unseen} not looked at, {without} without a rule here",
            "  ",
        )


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        _plain(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
