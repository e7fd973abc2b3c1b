# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that a site accepts for a time: the file of waivers, and what it does to findings. Pure but for the reading.

A waiver changes nothing but a failure that was observed; one that has expired, is for another host, names a rule that
there is not or meets no failure is named, so that nobody thinks that it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from wolfguard.audit.result import Finding, State, Waived
from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents

LONGEST_DAYS: Final = 366
"""A decision that is older is made again."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """`host` is empty for all of them; `expires` is the last day on which it counts."""

    rule: str
    host: str
    justification: str
    approver: str
    expires: date


def read(file: Path) -> tuple[Waiver, ...]:
    """Raises ConfigurationError."""
    title = f"waivers {file}"
    if not file.is_file():
        raise ConfigurationError(f"{title}: there is no such regular file")
    checked = documents.check(documents.read(file, title), documents.schema("waivers"), title)
    found: list[Waiver] = []
    for each in checked["waivers"]:
        # YAML gives a moment where a time of day stands beside the date
        day = each["expires"].date() if isinstance(each["expires"], datetime) else each["expires"]
        found.append(Waiver(each["rule"], each.get("host", ""), each["justification"], each["approver"], day))
    pairs = [(each.rule, each.host) for each in found]
    if doubled := next((rule for rule, host in pairs if pairs.count((rule, host)) > 1), ""):
        raise ConfigurationError(f"{title}: {doubled} is waived twice; keep the entry that counts")
    return tuple(found)


def apply(
    findings: Sequence[Finding], waivers: Sequence[Waiver], known: Sequence[str], host: str, today: date
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings with waivers in force, and a sentence for each waiver that took no effect. `known` are the ids of
    all rules, also of those that this audit did not look at."""
    failed = {finding.rule.id for finding in findings if finding.state is State.FAIL}
    looked_at = {finding.rule.id for finding in findings}
    effective: dict[str, Waiver] = {}
    remarks: list[str] = []
    for waiver in waivers:
        against = next(_against(waiver, failed, looked_at, known, host, today), "")
        if against:
            remarks.append(f"the waiver of {waiver.rule} {against}")
        else:
            effective[waiver.rule] = waiver
    return tuple(_waived(finding, effective.get(finding.rule.id)) for finding in findings), tuple(remarks)


def _against(
    waiver: Waiver, failed: set[str], looked_at: set[str], known: Sequence[str], host: str, today: date
) -> Iterator[str]:
    if waiver.rule not in known:
        yield "names a rule that there is not"
    if waiver.host and waiver.host != host:
        yield f"is for {waiver.host}, not for {host}"
    if waiver.expires < today:
        yield f"expired on {waiver.expires} (approved by {waiver.approver})"
    if (waiver.expires - today).days > LONGEST_DAYS:
        yield f"would count until {waiver.expires}, more than {LONGEST_DAYS} days: give it a nearer end"
    if waiver.rule not in looked_at:
        yield "is of a rule that this profile does not look at"
    if waiver.rule not in failed:
        yield "meets no failure: take it out if it is not needed"


def _waived(finding: Finding, waiver: Waiver | None) -> Finding:
    if waiver is None or finding.state is not State.FAIL:
        return finding
    accepted = Waived(waiver.justification, waiver.approver, waiver.expires.isoformat())
    return replace(finding, state=State.WAIVED, waiver=accepted)
