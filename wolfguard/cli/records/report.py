# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found out about a trail, for people and for programs. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from wolfguard.cli import output
from wolfguard.records.verifier import SOUND, UNDECIDED, UNSOUND, Report

MEANINGS: Final = {
    SOUND: "sound: nothing is missing or changed, and the key has signed it",
    UNSOUND: "NOT SOUND",
    UNDECIDED: "undecided: nothing contradicts it, but no checkpoint by this key vouches for it",
}


def plain(report: Report, keys: Sequence[str]) -> dict[str, Any]:
    """As JSON; docs/how-to/records.md describes it."""
    found = dataclasses.asdict(report)
    return {"verdict": report.verdict, "keys": list(keys), **found}


def lines(report: Report, source: str, keys: Sequence[str]) -> list[str]:
    """As text, findings first."""
    shown = [f"{output.plain(finding.text)} [{finding.kind}]" for finding in report.findings]
    if report.found > len(report.findings):
        shown.append(f"... and {report.found - len(report.findings)} more findings")
    rows: list[tuple[str, object]] = [
        ("trail", source),
        *(("key", key) for key in keys),
        ("records", _records(report)),
        ("checkpoints", _checkpoints(report)),
    ]
    if report.behind:
        rows.append(("behind", f"{output.count(report.behind, 'record')} that no checkpoint covers yet"))
    rows += [("lost", f"{output.count(report.lost, 'event')} that could not be recorded")] if report.lost else []
    rows.append(("verdict", MEANINGS[report.verdict]))
    return [*shown, *([""] if shown else []), *output.pairs(rows)]


def _records(report: Report) -> str:
    if not report.records:
        return "none"
    repeated = f", {report.repeated} repeated" if report.repeated else ""
    return f"{report.records}, from {report.first} to {report.last}{repeated}"


def _checkpoints(report: Report) -> str:
    if not report.checkpoints:
        return "none that is good"
    return f"{report.checkpoints} good; the newest, of {report.signed_at}, covers all up to record {report.signed}"
