# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit diff` and `wolfguard audit history`: what has become of a machine between two audits, or over many.

Owns the words and the exit codes; what a change is, is `wolfguard.audit.compare`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.audit.compare import Change, Difference, Kind, Step, compare, failing_since
from wolfguard.audit.compare import history as steps_of
from wolfguard.audit.kept import Kept, KeptFinding
from wolfguard.audit.report.texts import sentence
from wolfguard.audit.result import State
from wolfguard.cli import output
from wolfguard.cli.audit_files import folders, read_result
from wolfguard.cli.failure import REQUIREMENT_UNDECIDED, REQUIREMENT_UNMET, CommandError
from wolfguard.cli.options import as_json, examples

RUNS_MAX: Final = 2000
_TITLES: Final = {
    Kind.WORSE: "Worse",
    Kind.UNSEEN: "Could not be looked at any more",
    Kind.GONE: "Not looked at any more",
    Kind.ACCEPTED: "Accepted by the site now",
    Kind.JUDGED: "Judged by another measure",
    Kind.CHANGED: "Changed",
    Kind.NEW: "New",
    Kind.BETTER: "Better",
    Kind.VALUE: "Another value, with the same outcome",
}
_COLUMNS: Final = (State.FAIL, State.ERROR, State.WAIVED, State.MANUAL, State.PASS)

Json = dict[str, Any]


@click.command(
    epilog=examples(
        ("wolfguard audit diff audit-monday audit-tuesday", "what has become worse, better, new"),
        ("wolfguard audit diff before.jsonl after.jsonl --json", "for a program; the exit code decides"),
    )
)
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Print rules that saw another value with the same outcome too.")
@as_json
def diff(before: Path, after: Path, everything: bool, as_json: bool) -> None:
    """Compare two audits: BEFORE and AFTER are folders of `audit run --output`, bundles, or result.json.

    What could be looked at before and cannot any more is no improvement, nor is a failure that a waiver covers now.

    Exit code 0: nothing is worse. 6: something is, or a rule that is new fails. 7: nothing is worse, but something is
    not looked at any more. Neither file is verified: that is `wolfguard audit verify`.
    """
    one, other = (_result(place, as_json) for place in (before, after))
    found = compare(one, other)
    if as_json:
        output.print_json(_plain(one, other, found))
    else:
        output.print_lines(list(_lines(one, other, found, everything)))
    sys.exit(_exit(found))


@click.command(
    epilog=examples(
        ("wolfguard audit history /var/lib/audits", "every run in that folder, and how long each failure has lasted"),
        ("wolfguard audit history /var/lib/audits --json", "the same for a program"),
    )
)
@click.argument("folder", type=click.Path(path_type=Path))
@as_json
def history(folder: Path, as_json: bool) -> None:
    """Show the audits that FOLDER holds in the order of their time, and since when each present failure has been there.

    FOLDER holds folders of `audit run --output`, of one machine or several, bundles, or results. Of each machine and
    profile a run is compared with the one before. Exit code 7 where something there could not be read; it is named.
    """
    try:
        places = folders(folder)
    except CommandError as error:
        error.as_json = as_json
        raise
    if len(places) > RUNS_MAX:
        raise CommandError(f"{folder} holds more than {RUNS_MAX} results; name a folder with fewer", as_json=as_json)
    results: list[tuple[str, Kept]] = []
    unread: list[str] = []
    for place in places:
        try:
            results.append((str(place.relative_to(folder)), read_result(place)))
        except CommandError as error:
            unread.append(error.message)
    steps = steps_of(results)
    if as_json:
        output.print_json(_plain_history(steps, unread))
    else:
        output.print_lines(list(_history_lines(steps, unread)))
    sys.exit(REQUIREMENT_UNDECIDED if unread else 0)


def _result(place: Path, as_json: bool) -> Kept:
    try:
        return read_result(place)
    except CommandError as error:
        error.as_json = as_json
        raise


def _exit(found: Difference) -> int:
    if found.count(Kind.WORSE):
        return REQUIREMENT_UNMET
    return REQUIREMENT_UNDECIDED if found.count(Kind.UNSEEN) or found.count(Kind.GONE) else 0


def _lines(one: Kept, other: Kept, found: Difference, everything: bool) -> Iterator[str]:
    yield from output.pairs([("before", _named(one)), ("after", _named(other))])
    for remark in found.remarks:
        yield f"Note: {output.plain(remark)}"
    for kind, title in _TITLES.items():
        changes = [change for change in found.changes if change.kind is kind]
        if not changes or (kind is Kind.VALUE and not everything):
            continue
        yield from ("", f"{title} ({len(changes)})")
        for change in changes:
            yield from _change(change)
    yield from ("", f"{_summary(found)}, {found.same} the same")


def _change(change: Change) -> Iterator[str]:
    finding = change.after or change.before
    if finding is None:
        return
    yield f"  {finding.severity.name.lower():<6}  {change.rule}: {output.plain(finding.title)}"
    for name, side in (("before", change.before), ("after", change.after)):
        if side is not None:
            yield f"          {name:<6}  {side.state.value}, {output.plain(sentence(side))}"
    if change.kind is Kind.JUDGED and change.before is not None and change.after is not None:
        before, after = change.before.expected.text(), change.after.expected.text()
        yield f"          expected before {output.plain(before)}, now {output.plain(after)}"


def _named(result: Kept) -> str:
    return f"{result.place}, profile {result.profile}, {result.begun:%Y-%m-%d %H:%M:%S} UTC"


def _summary(found: Difference) -> str:
    words = [f"{found.count(kind)} {kind.value}" for kind in Kind if found.count(kind)]
    return ", ".join(words) or "no difference"


def _plain(one: Kept, other: Kept, found: Difference) -> Json:
    """As JSON."""
    return {
        "before": _facts(one),
        "after": _facts(other),
        "remarks": list(found.remarks),
        "counts": {**{kind.value: found.count(kind) for kind in Kind}, "same": found.same},
        "changes": [
            {
                "kind": change.kind.value,
                "rule": change.rule,
                "severity": (change.after or change.before).severity.name.lower(),  # type: ignore[union-attr]
                "before": _side(change.before),
                "after": _side(change.after),
            }
            for change in found.changes
        ],
    }


def _side(finding: KeptFinding | None) -> Json | None:
    if finding is None:
        return None
    return {"state": finding.state.value, "said": sentence(finding), "expected": finding.expected.text()}


def _facts(result: Kept) -> Json:
    return {
        "place": result.place,
        "profile": result.profile,
        "version": result.version,
        "begun": f"{result.begun:%Y-%m-%dT%H:%M:%SZ}",
    }


def _history_lines(steps: Sequence[Step], unread: Sequence[str]) -> Iterator[str]:
    head = ["begun", "machine", "profile", *(state.value for state in _COLUMNS), "since the run before", "name"]
    rows = [
        [
            f"{step.result.begun:%Y-%m-%d %H:%M}",
            step.result.place,
            step.result.profile,
            *(step.result.count(state) for state in _COLUMNS),
            "" if step.since is None else _summary(step.since),
            step.name,
        ]
        for step in steps
    ]
    yield from output.table(head, rows, right=[state.value for state in _COLUMNS]) if rows else ["no audit is here"]
    for place, profile in dict.fromkeys((step.result.place, step.result.profile) for step in steps):
        failing = failing_since(steps, place, profile)
        if failing:
            yield from ("", f"Failing on {output.plain(place)} ({output.plain(profile)})")
            yield from (
                f"  since {since:%Y-%m-%d %H:%M}  {finding.severity.name.lower():<6}  {finding.rule}"
                f"{' (accepted)' if finding.state is State.WAIVED else ''}"
                for finding, since in failing
            )
    for text in unread:
        yield from ("", f"Not read: {output.plain(text)}")


def _plain_history(steps: Sequence[Step], unread: Sequence[str]) -> Json:
    """As JSON."""
    rows = dict.fromkeys((step.result.place, step.result.profile) for step in steps)
    return {
        "runs": [
            {
                "name": step.name,
                **_facts(step.result),
                "counts": {state.value: step.result.count(state) for state in State},
                "since": None if step.since is None else {kind.value: step.since.count(kind) for kind in Kind},
            }
            for step in steps
        ],
        "failing": [
            {
                "place": place,
                "profile": profile,
                "rule": finding.rule,
                "severity": finding.severity.name.lower(),
                "state": finding.state.value,
                "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            }
            for place, profile in rows
            for finding, since in failing_since(steps, place, profile)
        ],
        "unread": list(unread),
    }
