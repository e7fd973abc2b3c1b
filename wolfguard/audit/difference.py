# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed between two kept results: rules that came, went, or are in another state, and values that moved.

Reads results of `report.json` strictly, since they come from a disk; judges nothing again. Pure but for the reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wolfguard.audit.report.json import FORMAT
from wolfguard.audit.result import State
from wolfguard.errors import ConfigurationError

BYTES_MAXIMUM: Final = 64 * 1024 * 1024
_ABSENT: Final = "not looked at"
_GOOD: Final = (State.PASS.value, State.NOT_APPLICABLE.value)
_STATES: Final = tuple(state.value for state in State)


@dataclass(frozen=True, slots=True)
class Result:
    """A kept result, as far as it is compared: state and observed value of each rule."""

    place: str
    begun: str
    findings: Mapping[str, tuple[str, str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One rule. `before` and `after` are states, or "not looked at"; the values are what was observed."""

    rule: str
    severity: str
    before: str
    after: str
    was: Any
    now: Any

    @property
    def worse(self) -> bool:
        """Whether what was good is good no more, or is not known any more."""
        return self.before in _GOOD and self.after not in _GOOD


def read(file: Path) -> Result:
    """Raises ConfigurationError for what is no result of this form, a truncated one among them."""
    try:
        if not file.is_file():
            raise ConfigurationError(f"{file}: there is no such regular file")
        with file.open("rb") as stream:
            content = stream.read(BYTES_MAXIMUM + 1)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror})") from None
    if len(content) > BYTES_MAXIMUM:
        raise ConfigurationError(f"{file} is too large for a result")
    try:
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise ConfigurationError(f"{file} has the form {document['format']!r}, this command reads {FORMAT}")
        findings = {
            str(each["rule"]): (_state(each["state"]), str(each["severity"]), each["observed"])
            for each in document["findings"]
        }
        return Result(str(document["place"]), str(document["begun"]), findings)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError(f"{file} is no whole result of `wolfguard audit run`") from None


def between(before: Result, after: Result) -> Sequence[Change]:
    """Every rule of which something differs, those that became worse first."""
    changes: list[Change] = []
    nothing = (_ABSENT, "", None)
    for rule in sorted({*before.findings, *after.findings}):
        was, now = before.findings.get(rule, nothing), after.findings.get(rule, nothing)
        if was != now:
            changes.append(Change(rule, now[1] or was[1], was[0], now[0], was[2], now[2]))
    return sorted(changes, key=lambda change: (not change.worse, change.before == change.after, change.rule))


def _state(word: object) -> str:
    if word not in _STATES:
        raise ValueError(word)
    return str(word)
