# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of several machines at the same time, one report each and a joint summary.

Owns how many are looked at together, what is shown meanwhile, and the exit code over all: a machine that cannot be
reached, or that vanishes, is a report full of errors, and the others go on.
"""

from __future__ import annotations

import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.audit.account import Account
from wolfguard.audit.canonical import canonical
from wolfguard.audit.report import json as json_report
from wolfguard.audit.result import Audit, State
from wolfguard.audit.run import Limits, Progress, audit
from wolfguard.audit.waivers import Spoken
from wolfguard.cli import audit_hosts, audit_output, output
from wolfguard.cli.audit_output import SUMMARY
from wolfguard.cli.audit_subject import Subject
from wolfguard.cli.failure import CommandError
from wolfguard.policy.controls import AuditProfile

FORMAT: Final = "wolfguard-audits/1"
TABLE: Final = "summary.txt"
_DRAWN_SECONDS: Final = 0.1
_ROWS_KEPT: Final = 2
_STATES: Final = (State.FAIL, State.ERROR, State.MANUAL, State.WAIVED, State.PASS, State.NOT_APPLICABLE)

Judge = Callable[[Audit], int]
"""The exit code that an audit alone would have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all. `limits.whole` is for each machine, its connection included."""

    profile: AuditProfile
    version: str
    spoken: Sequence[Spoken]
    limits: Limits
    at_a_time: int
    folder: Path | None
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """One machine: `lost` says why it could not be looked at to the end, `kept` what is kept of it."""

    subject: Subject
    audit: Audit
    seconds: float
    lost: str
    kept: tuple[str, ...] = ()


def look_at(subject: Subject, plan: Plan, progress: Progress) -> Done:
    """One machine, to the end or to the end of its time; what is kept of it goes right into the plan's folder. Raises
    CommandError where that cannot be written."""
    begun = time.monotonic()
    subject.open()
    left = max(plan.limits.whole - (time.monotonic() - begun), 0.0)
    limits = Limits(plan.limits.probe, left, plan.limits.at_a_time)
    vantage = replace(subject.vantage(), account=plan.account)
    try:
        spoken = audit_hosts.of_host(plan.spoken, subject.name)
        found = audit(plan.profile, vantage, plan.version, spoken, limits, progress)
        lost = vantage.place.lost()
        kept = () if plan.folder is None else tuple(audit_output.write(plan.folder, found, subject.beside))
    finally:
        subject.close()
    return Done(subject, found, time.monotonic() - begun, lost, kept)


def look_at_all(subjects: Sequence[Subject], plan: Plan, display: Display) -> list[Done]:
    """All of them, in their order. Raises the first exception that is none of a machine's doing."""
    todo: queue.SimpleQueue[tuple[int, Subject]] = queue.SimpleQueue()
    for number, subject in enumerate(subjects):
        todo.put((number, subject))
    ended: queue.SimpleQueue[tuple[int, Done | BaseException]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                number, subject = todo.get_nowait()
            except queue.Empty:
                return
            name = subject.name
            display.began(name)
            step = partial(display.step, name)
            own = plan if plan.folder is None else replace(plan, folder=plan.folder / name)
            try:
                done = look_at(subject, own, step)
            except BaseException as error:  # whatever it is, it is told at the end
                ended.put((number, error))
                return
            display.ended(name, _told(done))
            ended.put((number, done))

    for _ in range(min(plan.at_a_time, len(subjects))):
        threading.Thread(target=work, daemon=True, name="audit-host").start()
    found: dict[int, Done] = {}
    while len(found) < len(subjects):
        number, done = ended.get()
        if isinstance(done, BaseException):
            raise done
        found[number] = done
    return [found[number] for number in range(len(subjects))]


def prepare(folder: Path, names: Sequence[str], as_json: bool) -> None:
    """Before anything is looked at: nothing that is there already is written over. Raises CommandError."""
    taken = [name for name in (SUMMARY, TABLE) if (folder / name).exists()]
    if taken:
        raise CommandError(f"{folder / taken[0]} is there already; name another folder", as_json=as_json)
    for name in names:
        audit_output.prepare(folder / name, as_json)


def keep(folder: Path, done: Sequence[Done], document: Mapping[str, Any], lines: Sequence[str]) -> Iterator[str]:
    """The summary in both forms, beside the folders of the hosts. Says what is kept. Raises CommandError."""
    audit_output.keep(folder / SUMMARY, canonical(dict(document)))
    audit_output.keep(folder / TABLE, "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    for each in done:
        yield f"{each.subject.name}: {'; '.join(each.kept)}"
    yield f"summary: {folder / SUMMARY}"


def document(done: Sequence[Done], remarks: Sequence[str], judge: Judge) -> dict[str, Any]:
    """For programs: every result as it is alone, and the sums."""
    return {
        "format": FORMAT,
        "hosts": [
            {
                "name": each.subject.name,
                "exit_code": judge(each.audit),
                "lost": each.lost,
                "milliseconds": round(each.seconds * 1000),
                "result": json_report.document(each.audit),
            }
            for each in done
        ],
        "counts": {state.value: sum(each.audit.count(state) for each in done) for state in State},
        "remarks": list(remarks),
        "exit_code": worst(done, judge),
    }


def worst(done: Sequence[Done], judge: Judge) -> int:
    """Over all: a failure outweighs what could not be looked at, and that outweighs what is good."""
    codes = [judge(each.audit) for each in done]
    return next((code for code in sorted(set(codes)) if code), 0)


def summary(done: Sequence[Done], remarks: Sequence[str]) -> Iterator[str]:
    """For people: a table, the machines that were lost, the rules that fail and on which machines."""
    head = ["host", *(state.value for state in _STATES), "seconds"]
    rows = [
        [each.subject.name, *(each.audit.count(state) for state in _STATES), f"{each.seconds:.1f}"] for each in done
    ]
    yield f"wolfguard audit of {output.count(len(done), 'host')}, profile {done[0].audit.profile.name}"
    yield ""
    yield from output.table(head, rows, right=head[1:])
    if lost := [each for each in done if each.lost]:
        yield from ("", "Not looked at to the end")
        yield from output.pairs([(each.subject.name, each.lost) for each in lost], indent=2)
    if failing := _failing(done):
        yield from ("", "Failed")
        yield from output.pairs([(rule, _hosts(names, len(done))) for rule, names in failing.items()], indent=2)
    yield from ("" for _ in remarks[:1])
    yield from (f"remark: {output.plain(each)}" for each in remarks)


def _failing(done: Sequence[Done]) -> Mapping[str, list[str]]:
    """Hosts by rule; rules in the order of the profile."""
    found: dict[str, list[str]] = {}
    for each in done:
        for finding in each.audit.findings:
            if finding.state is State.FAIL:
                found.setdefault(finding.rule.id, []).append(each.subject.name)
    return found


def _hosts(names: Sequence[str], of: int) -> str:
    if len(names) == of > 1:
        return f"on all {of}"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{len(names)} of {of}: {', '.join(names[:5])}{more}"


def _told(done: Done) -> str:
    counts = ", ".join(f"{done.audit.count(state)} {state.value}" for state in _STATES[:3] if done.audit.count(state))
    return f"{counts or 'nothing fails'}, {done.seconds:.1f} s" + (f"; {done.lost}" if done.lost else "")


class Display:
    """What is shown on standard error meanwhile: on a terminal a line for each machine that is looked at, drawn again
    and again; else a line for each that is done. Called from many threads."""

    def __init__(self, total: int, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._terminal = shown and sys.stderr.isatty()
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}
        self._done = 0
        self._drawn = 0
        self._next = 0.0

    def began(self, name: str) -> None:
        with self._lock:
            self._running[name] = "connecting"
            self._draw(now=True)

    def step(self, name: str, done: int, of: int, what: str) -> None:
        with self._lock:
            self._running[name] = f"{done} of {of}  {what}"
            self._draw(now=False)

    def ended(self, name: str, told: str) -> None:
        with self._lock:
            self._running.pop(name, None)
            self._done += 1
            if self._shown:
                self._wipe()
                click.echo(output.plain(f"{name}: {told}"), err=True)
            self._draw(now=True)

    def _draw(self, now: bool) -> None:
        if not self._terminal or (not now and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _DRAWN_SECONDS
        width, height = shutil.get_terminal_size()
        rows = [f"{self._done} of {self._total} hosts", *(f"  {name}  {step}" for name, step in self._running.items())]
        rows = [output.plain(row)[: width - 1] for row in rows[: max(height - _ROWS_KEPT, 1)]]
        if self._done == self._total:
            rows = []
        self._wipe()
        click.echo("".join(f"{row}\n" for row in rows), nl=False, err=True)
        self._drawn = len(rows)

    def _wipe(self) -> None:
        if self._terminal and self._drawn:
            click.echo(f"\x1b[{self._drawn}A\x1b[J", nl=False, err=True)
        self._drawn = 0
