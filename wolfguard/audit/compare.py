# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies between two results, and along many. Pure.

Nothing becomes better by not being seen: whatever turns into an error is "unseen", a failure that a waiver covers is
"accepted", and a rule that no longer applies is "changed".
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wolfguard.audit.kept import Kept, KeptFinding
from wolfguard.audit.result import State


class Kind(enum.Enum):
    """How a rule has changed. JUDGED: the state is the same, but the rule expects something else. VALUE: another value
    was seen, with the same outcome."""

    WORSE = "worse"
    UNSEEN = "unseen"
    GONE = "gone"
    ACCEPTED = "accepted"
    JUDGED = "judged"
    CHANGED = "changed"
    NEW = "new"
    BETTER = "better"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is None for a new rule, `after` for one that is gone."""

    kind: Kind
    rule: str
    before: KeptFinding | None
    after: KeptFinding | None


@dataclass(frozen=True, slots=True)
class Difference:
    """`remarks` are sentences about what makes two results hard to compare."""

    changes: tuple[Change, ...]
    same: int
    remarks: tuple[str, ...]

    def count(self, kind: Kind) -> int:
        return sum(change.kind is kind for change in self.changes)


@dataclass(frozen=True, slots=True)
class Step:
    """One run in a history, and what lies between it and the one before of the same machine and profile."""

    name: str
    result: Kept
    since: Difference | None


_FAILS: Final = (State.FAIL, State.WAIVED)


def compare(before: Kept, after: Kept) -> Difference:
    """The worst changes first, then by rule."""
    old, new = before.by_rule(), after.by_rule()
    changes: list[Change] = []
    for rule in sorted({*old, *new}):
        kind = _kind(old.get(rule), new.get(rule))
        if kind is not None:
            changes.append(Change(kind, rule, old.get(rule), new.get(rule)))
    kinds = list(Kind)
    changes.sort(key=lambda each: (kinds.index(each.kind), -_severity(each), each.rule))
    return Difference(tuple(changes), len({*old, *new}) - len(changes), tuple(_remarks(before, after)))


def history(results: Sequence[tuple[str, Kept]]) -> tuple[Step, ...]:
    """In the order of their begins. `results` are with the names that people know them by."""
    steps: list[Step] = []
    last: dict[tuple[str, str], Kept] = {}
    for name, result in sorted(results, key=lambda each: (each[1].begun, each[0])):
        key = (result.place, result.profile)
        steps.append(Step(name, result, compare(last[key], result) if key in last else None))
        last[key] = result
    return tuple(steps)


def failing_since(steps: Sequence[Step], place: str, profile: str) -> list[tuple[KeptFinding, datetime]]:
    """What fails in the newest run of this machine and profile, with the first run of the row in which it has failed;
    the longest first. A run in which nobody could look does not end the row."""
    runs = [step.result for step in steps if (step.result.place, step.result.profile) == (place, profile)]
    found: list[tuple[KeptFinding, datetime]] = []
    for finding in runs[-1].findings if runs else ():
        if finding.state not in _FAILS:
            continue
        since = runs[-1].begun
        for run in reversed(runs):
            then = run.by_rule().get(finding.rule)
            if then is None or then.state not in (*_FAILS, State.ERROR):
                break
            since = run.begun if then.state in _FAILS else since
        found.append((finding, since))
    return sorted(found, key=lambda each: (each[1], -each[0].severity, each[0].rule))


def _kind(before: KeptFinding | None, after: KeptFinding | None) -> Kind | None:
    if before is None or after is None:
        return _come_or_gone(after)
    if before.state is after.state:
        if before.expected != after.expected:
            return Kind.JUDGED
        return Kind.VALUE if before.observed != after.observed and after.state is not State.ERROR else None
    return _between(before.state, after.state)


def _come_or_gone(after: KeptFinding | None) -> Kind:
    if after is None:
        return Kind.GONE
    return Kind.WORSE if after.state is State.FAIL else Kind.NEW


def _between(before: State, after: State) -> Kind:
    if after is State.ERROR:
        return Kind.UNSEEN
    if after is State.FAIL:
        return Kind.WORSE
    if after is State.WAIVED:
        return Kind.ACCEPTED if before in (State.FAIL, State.ERROR) else Kind.WORSE
    if after is State.PASS and before in (*_FAILS, State.ERROR):
        return Kind.BETTER
    return Kind.CHANGED


def _severity(change: Change) -> int:
    finding = change.after or change.before
    return 0 if finding is None else finding.severity


def _remarks(before: Kept, after: Kept) -> list[str]:
    remarks = []
    if before.place != after.place:
        remarks.append(f"these are two machines: {before.place} and {after.place}")
    if before.profile != after.profile:
        remarks.append(f"the profiles differ: {before.profile} and {after.profile}")
    if before.tailored != after.tailored:
        remarks.append("the values that rules are held to differ")
    if before.version != after.version:
        remarks.append(f"the versions of wolfguard differ: {before.version} and {after.version}")
    if before.begun > after.begun:
        remarks.append("the first of the two is the later one")
    return remarks
