# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard fips`: what may be said of the cryptographic module here and now, each step with its evidence.

Owns the order of looking and the form of the report. The judgement is `wolfguard.fips.verdict`'s.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.failure import NOT_RUNNING, REQUIREMENT_UNDECIDED, REQUIREMENT_UNMET, CommandError
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.errors import ConfigurationError
from wolfguard.fips import declaration, host, observe, snapshot, verdict
from wolfguard.fips.facts import (
    Declaration,
    Facts,
    Gateway,
    GatewayState,
    Library,
    RunningProcess,
    Snapshot,
)
from wolfguard.fips.steps import Level, Limits, Outcome

FOLDER: Final = Path("/etc/wolfguard-gateway/fips")
WIDTH: Final = 118
MEANINGS: Final = {
    Level.NONE: "no FIPS module that could be shown to work: nothing about the cryptography is certified",
    Level.EVAL: "a FIPS module with its self-tests, for evaluation: not certified",
    Level.BUNDLE: "a commercial FIPS module, intact, under a declared certificate; not shown to be validated here",
    Level.VALIDATED: "the module of an active certificate, in an environment that the certificate lists",
}

Json = dict[str, Any]


@click.group(epilog=examples(("sudo wolfguard fips status", "the verdict with its evidence")))
def command() -> None:
    """Tell what may be said of the cryptographic module."""


@command.command(
    epilog=examples(
        ("sudo wolfguard fips status", "the verdict, each step, and what the machine says"),
        ("wolfguard fips status --require bundle", "for a pipeline: the exit code decides"),
        ("wolfguard fips status --json | jq '.steps[] | select(.outcome != \"met\")'", "what is missing"),
    )
)
@click.option(
    "--require",
    type=click.Choice([level.name.lower() for level in Level if level is not Level.NONE]),
    help="Fail unless at least this level is reached.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where the site keeps its declaration and, if it has one, its own list of certificates.",
)
@click.option(
    "--stale-after",
    type=click.IntRange(1, Limits().refuse_days),
    default=Limits().stale_days,
    show_default=True,
    help="Days after which the list of certificates is warned of.",
)
@click.option(
    "--sunset-within",
    type=click.IntRange(0, 3650),
    default=Limits().sunset_days,
    show_default=True,
    help="Days before the end of a certificate from which on it is warned of.",
)
@socket_path
@as_json
def status(
    require: str | None, folder: Path, stale_after: int, sunset_within: int, socket_path: Path, as_json: bool
) -> None:
    """Print the verdict on the cryptographic module: none, eval, bundle or validated, and the evidence of each step.

    The library is looked at in this command's own process, and in the processes of the gateway if one runs; what could
    not be looked at is told and never counts as good. Root sees most. Without a gateway "validated" is not reached.

    Exit code 6: --require names a level that is not reached. Exit code 7: nothing speaks against the level, but
    something could not be looked at or cannot be trusted, such as a clock that nobody keeps; also without --require
    when an error alone keeps a bundle from being judged.
    """
    facts, machine = gather(folder, socket_path)
    found = verdict.judge(facts, Limits(stale_days=stale_after, sunset_days=sunset_within))
    about = host.report(machine, None if facts.snapshot is None else facts.snapshot.systems)
    if as_json:
        output.print_json(document(found, about, facts))
    else:
        output.print_lines(list(render(found, about, facts)))
    _end(found, None if require is None else Level[require.upper()], as_json)


def _end(found: verdict.Verdict, required: Level | None, as_json: bool) -> None:
    """Raises CommandError for what the exit code has to say."""
    reached = found.requirement(required) if required is not None else verdict.Requirement.MET
    if required is not None and reached is verdict.Requirement.UNMET:
        text = f"{required.name.lower()} is required, the verdict is {found.level.name.lower()}"
        raise CommandError(text, exit_code=REQUIREMENT_UNMET, code="requirement", as_json=as_json)
    if reached is verdict.Requirement.UNDECIDED or (found.level is Level.BUNDLE and found.undecided):
        wanted = (required or Level.VALIDATED).name.lower()
        raise CommandError(
            f"whether the module is {wanted} could not be judged: see the steps that are unknown or errors",
            exit_code=REQUIREMENT_UNDECIDED,
            code="undecided",
            as_json=as_json,
        )


def gather(folder: Path, socket: Path) -> tuple[Facts, host.Host]:
    """Looks at everything once. Raises StartError when the loaded library's file is gone."""
    library, compiler, options = observe.library()
    listed: Snapshot | None = None
    declared: Declaration | None = None
    listed_problem = declared_problem = ""
    try:
        listed = snapshot.read(folder)
    except ConfigurationError as error:
        listed_problem = str(error)
    try:
        declared = declaration.read(folder)
    except ConfigurationError as error:
        declared_problem = str(error)
    facts = Facts(
        library=library,
        gateway=ask(socket, library),
        clock=observe.clock(),
        environment=observe.environment(compiler, options),
        snapshot=listed,
        snapshot_problem=listed_problem,
        declaration=declared,
        declaration_problem=declared_problem,
    )
    return facts, observe.host()


def judged(folder: Path, socket: Path) -> Json:
    """The whole report with the usual limits, as `--json` prints it. Raises as `gather` does."""
    facts, machine = gather(folder, socket)
    about = host.report(machine, None if facts.snapshot is None else facts.snapshot.systems)
    return document(verdict.judge(facts, Limits()), about, facts)


def ask(socket: Path, library: Library) -> Gateway:
    """What the processes of a running gateway say of their modules, and which file they map."""
    try:
        with Client(socket) as client:
            answer = client.get("/v1/status")
    except CommandError as error:
        if error.exit_code == NOT_RUNNING:
            return Gateway(GatewayState.NOT_RUNNING)
        return Gateway(GatewayState.NOT_ASKED, reason=error.message)
    modules = {_name(each): each for each in answer.get("modules", ())}
    pids = {_name(each): each["pid"] for each in answer["processes"]}
    found = tuple(_process(name, modules.get(name, {}), pid, library) for name, pid in pids.items())
    # Who loads no libwolfssl computes nothing: it says so, and maps none.
    computing = tuple(each for each in found if each.library is not None or each.maps_this_file is not None)
    told = {each.name for each in computing}
    silent = [*answer["silent"], *(name for name, pid in pids.items() if not pid or name not in told)]
    return Gateway(GatewayState.ANSWERED, computing, tuple(dict.fromkeys(silent)))


def _process(name: str, said: Json, pid: int, library: Library) -> RunningProcess:
    tests = said.get("tests")
    return RunningProcess(
        name=name,
        library=said.get("library"),
        module=said.get("module"),
        integrity=said.get("integrity"),
        self_tests=None if tests is None else tuple(tests.items()),
        maps_this_file=observe.maps_file(pid, Path(library.path)) if pid else None,
    )


def _name(process: Json) -> str:
    return f"worker/{process['slot']}" if process["process"] == "worker" else str(process["process"])


def document(found: verdict.Verdict, about: host.HostReport, facts: Facts) -> Json:
    """The report for programs."""
    return {
        "verdict": found.level.name.lower(),
        "meaning": MEANINGS[found.level],
        "undecided": found.undecided,
        "gateway": facts.gateway.state.value,
        "library": {"version": facts.library.version, "path": facts.library.path, "sha256": facts.library.sha256},
        "steps": [
            {
                "name": step.name,
                "level": step.level.name.lower(),
                "outcome": step.outcome.value,
                "evidence": step.evidence,
            }
            for step in found.steps
        ],
        "warnings": list(found.warnings),
        "host": {
            "kernel": about.kernel,
            "findings": [{"name": name, "evidence": text} for name, text in about.findings],
        },
    }


def render(found: verdict.Verdict, about: host.HostReport, facts: Facts) -> Iterator[str]:
    """The report for people."""
    head = [("FIPS", f"{found.level.name.lower()}: {MEANINGS[found.level]}")]
    head += [("library", f"wolfSSL {facts.library.version}"), *(("warning", text) for text in found.warnings)]
    yield from _rows(head, indent=0)
    for level in (Level.EVAL, Level.BUNDLE, Level.VALIDATED):
        steps = [step for step in found.steps if step.level is level]
        good = sum(step.outcome is Outcome.MET for step in steps)
        yield from ("", f"For {level.name.lower()} ({good} of {len(steps)} met)")
        yield from _rows([(f"{step.name}: {step.outcome.value}", step.evidence) for step in steps], indent=2)
    yield from ("", "The machine (moves no step above)")
    yield from _rows(list(about.findings), indent=2)


def _rows(rows: list[tuple[str, str]], indent: int) -> Iterator[str]:
    """Name and sentence, the sentence wrapped under itself."""
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        lead = f"{' ' * indent}{name.ljust(width)}  "
        yield from textwrap.wrap(
            output.plain(text),
            WIDTH,
            initial_indent=lead,
            subsequent_indent=" " * len(lead),
            break_long_words=False,
            break_on_hyphens=False,
        )
