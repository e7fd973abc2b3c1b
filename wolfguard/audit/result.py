# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit has found: a state for each rule with what was seen, and the whole of a run. Owns the shapes alone."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from wolfguard.policy.controls import AuditProfile
from wolfguard.policy.expect import Value
from wolfguard.policy.rule import Rule


class State(enum.Enum):
    """ERROR: nobody could look, which is never a pass. WAIVED: it fails and somebody has accepted that, for a time.
    MANUAL: only a person can say."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ERROR = "error"
    NOT_APPLICABLE = "not-applicable"
    MANUAL = "manual"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a rule, who, and until when it counts (the last day)."""

    text: str
    approver: str
    expires: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`observed` is the part of what was seen that was judged, `source` where it was seen. `reason` is empty for a
    pass, else a sentence. `word` is what accepts a failure, or answers a rule that no machine can. `milliseconds` is
    what the observation took; several rules may share one."""

    rule: Rule
    state: State
    observed: Value
    source: str
    reason: str = ""
    word: Word | None = None
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """A finished run. `remarks` are sentences about waivers that took no effect."""

    profile: AuditProfile
    place: str
    version: str
    begun: datetime
    ended: datetime
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]

    def count(self, state: State) -> int:
        return sum(finding.state is state for finding in self.findings)
