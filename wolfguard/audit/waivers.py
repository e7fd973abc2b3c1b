# SPDX-License-Identifier: GPL-3.0-or-later
"""What persons say of findings: failures that a site accepts for a time, and answers that no machine can give.

Owns the site's file and what it does to findings. Pure but for the reading. A waiver changes nothing but a failure that
was observed, an attestation nothing but a rule that only a person can answer; one that has expired, is for another host
or has nothing to act on is named, so that nobody thinks that it counts.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from wolfguard.audit.result import Finding, State, Word
from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents

LONGEST_DAYS: Final = 366
"""A decision that is older is made again."""


class Kind(enum.Enum):
    """What a person's word does: the state that it needs, and the one that comes of it."""

    WAIVER = (State.FAIL, State.WAIVED)
    ATTESTATION = (State.MANUAL, State.PASS)

    @property
    def needs(self) -> State:
        return self.value[0]

    @property
    def makes(self) -> State:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One entry of the file. `host` is empty for all of them; `expires` is the last day on which it counts."""

    kind: Kind
    rule: str
    host: str
    text: str
    approver: str
    expires: date


def read(file: Path) -> tuple[Spoken, ...]:
    """Raises ConfigurationError."""
    title = f"waivers {file}"
    if not file.is_file():
        raise ConfigurationError(f"{title}: there is no such regular file")
    checked = documents.check(documents.read(file, title), documents.schema("waivers"), title)
    found = [
        *(_spoken(Kind.WAIVER, each, each["justification"]) for each in checked.get("waivers", ())),
        *(_spoken(Kind.ATTESTATION, each, each["statement"]) for each in checked.get("attestations", ())),
    ]
    pairs = [(each.rule, each.host) for each in found]
    if doubled := next((rule for rule, host in pairs if pairs.count((rule, host)) > 1), ""):
        raise ConfigurationError(f"{title}: {doubled} is named twice; keep the entry that counts")
    return tuple(found)


def apply(
    findings: Sequence[Finding], spoken: Sequence[Spoken], known: Sequence[str], host: str, today: date
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings with what is in force, and a sentence for each entry that took no effect. `known` are the ids of all
    rules, also of those that this audit did not look at."""
    states = {finding.rule.id: finding.state for finding in findings}
    effective: dict[str, Spoken] = {}
    remarks: list[str] = []
    for each in spoken:
        against = next(_against(each, states, known, host, today), "")
        if against:
            remarks.append(f"the {each.kind.name.lower()} of {each.rule} {against}")
        else:
            effective[each.rule] = each
    return tuple(_with(finding, effective.get(finding.rule.id)) for finding in findings), tuple(remarks)


def _spoken(kind: Kind, entry: dict[str, Any], text: str) -> Spoken:
    # YAML gives a moment where a time of day stands beside the date
    day = entry["expires"].date() if isinstance(entry["expires"], datetime) else entry["expires"]
    return Spoken(kind, entry["rule"], entry.get("host", ""), text, entry["approver"], day)


def _against(spoken: Spoken, states: dict[str, State], known: Sequence[str], host: str, today: date) -> Iterator[str]:
    if spoken.rule not in known:
        yield "names a rule that there is not"
    if spoken.host and spoken.host != host:
        yield f"is for {spoken.host}, not for {host}"
    if spoken.expires < today:
        yield f"expired on {spoken.expires} (approved by {spoken.approver})"
    if (spoken.expires - today).days > LONGEST_DAYS:
        yield f"would count until {spoken.expires}, more than {LONGEST_DAYS} days: give it a nearer end"
    if spoken.rule not in states:
        yield "is of a rule that this profile does not look at"
    elif states[spoken.rule] is not spoken.kind.needs:
        yield {
            Kind.WAIVER: "meets no failure: take it out if it is not needed",
            Kind.ATTESTATION: "is of a rule that is looked at: no word replaces that",
        }[spoken.kind]


def _with(finding: Finding, spoken: Spoken | None) -> Finding:
    if spoken is None:
        return finding
    word = Word(spoken.text, spoken.approver, spoken.expires.isoformat())
    if spoken.kind is Kind.ATTESTATION:
        return replace(finding, state=spoken.kind.makes, observed=spoken.text, reason="", word=word)
    return replace(finding, state=spoken.kind.makes, word=word)
