# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that a machine said, made fit for reports: nothing in them is obeyed by who reads them. Pure."""

from __future__ import annotations

import re
from typing import Final

from wolfguard.audit.kept import KeptFinding
from wolfguard.audit.result import State
from wolfguard.policy.expect import told
from wolfguard.policy.variables import Tailored

_MARKDOWN: Final = re.compile(r"([\\`*<>{}\[\]&|~#])")
_SPACE: Final = re.compile(r"\s+")

STATES: Final = {
    State.PASS: "Passed",
    State.FAIL: "Failed",
    State.ERROR: "Could not be looked at",
    State.NOT_APPLICABLE: "Does not apply",
    State.MANUAL: "For a person to say",
    State.WAIVED: "Failed, and accepted by the site",
}


def plain(text: str) -> str:
    """The same with control characters, and others that no screen shows, as escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def line(text: str) -> str:
    """One line without white space around; "-" for nothing."""
    return plain(_SPACE.sub(" ", text).strip()) or "-"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", line(text))


def seen(finding: KeptFinding) -> str:
    """What was observed, as words."""
    return line(told(finding.observed))


def tailored(each: Tailored) -> str:
    """What is to be said of a value that is not the rules' own."""
    reason = f": {each.reason}" if each.reason else ""
    return line(f"{each.name} is {told(each.value)} instead of {told(each.instead_of)} ({each.origin}{reason})")


def sentence(finding: KeptFinding) -> str:
    """What is to be said of the finding in one line."""
    word = finding.word
    if finding.state is State.PASS:
        by = "" if word is None else f", attested by {word.approver} until {word.expires}"
        return line(f"{'seen' if word is None else 'said'}: {seen(finding)}{by}")
    accepted = "" if word is None else f"; accepted by {word.approver} until {word.expires}: {word.text}"
    return line(f"{finding.reason or STATES[finding.state]}{accepted}")
