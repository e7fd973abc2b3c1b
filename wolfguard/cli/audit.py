# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit`: looks at this machine and says for each rule what was seen.

Owns from where it looks (the gateway's socket, the listener, the library of this process), the progress on a terminal,
the files and the exit code. Looking and judging are `wolfguard.audit`'s.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import click

import wolfguard
from wolfguard.audit import waivers
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.report import json as json_report
from wolfguard.audit.report import terminal
from wolfguard.audit.result import Audit, State
from wolfguard.audit.run import audit
from wolfguard.audit.vantage import Listener, Vantage
from wolfguard.cli import audit_login, audit_output, fips, output
from wolfguard.cli.audit_diff import diff, history
from wolfguard.cli.audit_sbom import command as sbom
from wolfguard.cli.audit_verify import verify
from wolfguard.cli.client import Client
from wolfguard.cli.events import NEWEST
from wolfguard.cli.failure import REQUIREMENT_UNDECIDED, REQUIREMENT_UNMET, CommandError
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.cli.version import DISTRIBUTION
from wolfguard.errors import WolfguardError
from wolfguard.policy.controls import DEFAULT_PROFILE, audit_profile_names, read_audit_profile
from wolfguard.policy.rule import Severity
from wolfguard.policy.variables import read_tailoring

NEVER: Final = "never"
_LISTENER: Final = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+)\]:(?P<port6>\d{1,5})|(?P<host>[^:\[\]/]+):(?P<port>\d{1,5})")
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound

T = TypeVar("T")


class Once(Generic[T]):
    """A question that is asked once, whoever wants the answer and how often; its failure is an answer too."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._answer: T | None = None
        self._failure = ""

    def __call__(self) -> T:
        with self._lock:
            if self._answer is None and not self._failure:
                try:
                    self._answer = self._ask()
                except WolfguardError as error:
                    self._failure = str(error)
                except CommandError as error:
                    self._failure = error.message
            if self._answer is None:
                raise Unobservable(self._failure)
            return self._answer


@click.group(epilog=examples(("sudo wolfguard audit run", "look at this machine and its gateway")))
def command() -> None:
    """Look at the machine and the running gateway, rule by rule."""


for each in (verify, diff, history, sbom):
    command.add_command(each)


@command.command(
    epilog=examples(
        ("sudo wolfguard audit run", "look at everything that the default profile names"),
        ("sudo wolfguard audit run --fail-on high --waivers waivers.yml", "for a pipeline: the exit code decides"),
        ("sudo wolfguard audit run --output audit-today", "keep the result in every format, signed by the gateway"),
        ("sudo wolfguard audit run --listener vpn.example.com:443", "shake hands with that address"),
    )
)
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="Which rules; see `wolfguard policy list`.")
@click.option(
    "--waivers",
    "waivers_file",
    type=click.Path(path_type=Path),
    help="What the site accepts or attests for a time (docs/audit.md).",
)
@click.option(
    "--tailoring",
    "tailoring_file",
    type=click.Path(path_type=Path),
    help="The site's own values for rules, with a reason for each (docs/audit.md).",
)
@click.option(
    "--fail-on",
    type=click.Choice([NEVER, *(severity.name.lower() for severity in Severity)]),
    default=Severity.LOW.name.lower(),
    show_default=True,
    help="Lowest severity of rules that decide the exit code.",
)
@click.option(
    "--listener",
    "listener_text",
    help="ADDRESS:PORT to shake hands with, instead of the first listener of the gateway.",
)
@click.option(
    "--server-name", default="", help="Name to ask that listener for (SNI); its own name if it is no address."
)
@click.option(
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the result; made if it is not there, and refused if it holds one.",
)
@click.option(
    "--login",
    "login_file",
    envvar="WOLFGUARD_AUDIT_LOGIN",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="File with a test account (docs/audit.md): what only a session shows is looked at too.",
)
@click.option("--all", "everything", is_flag=True, help="Print rules that pass or do not apply too.")
@socket_path
@as_json
def run(
    profile: str,
    waivers_file: Path | None,
    tailoring_file: Path | None,
    fail_on: str,
    listener_text: str | None,
    server_name: str,
    folder: Path | None,
    login_file: Path | None,
    everything: bool,
    socket_path: Path,
    as_json: bool,
) -> None:
    """Look at this machine, its gateway and one listener, and judge each rule of a profile.

    Nothing is changed, and what could not be looked at is an error, never a pass. Root sees most. Handshakes, requests
    and logins show in the listener's log, records and counters. With --login the test account logs in, after two wrong
    passwords, and out again; without it, rules about sessions are errors.

    Exit code 0: no rule of that severity fails. 6: one does, and no waiver accepts it. 7: none fails, but some could
    not be looked at, or wait for a person's word.
    """
    if profile not in audit_profile_names():
        raise CommandError(
            f"there is no audit profile {profile!r}; there are: {', '.join(audit_profile_names())}", as_json=as_json
        )
    chosen = read_audit_profile(profile, None if tailoring_file is None else read_tailoring(tailoring_file))
    accepted = () if waivers_file is None else waivers.read(waivers_file)
    account = None if login_file is None else audit_login.read(login_file)
    vantage = replace(_vantage(socket_path, listener_text, server_name, as_json), account=account)
    if folder is not None:
        audit_output.prepare(folder, as_json)
    shown = sys.stderr.isatty() and not as_json
    found = audit(chosen, vantage, metadata.version(DISTRIBUTION), accepted, progress=_progress if shown else _silent)
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)
    lines = terminal.render(found, everything=everything)
    if folder is not None:
        written = audit_output.write(folder, found, socket_path)
        lines += ["", *written]
        if as_json:
            click.echo(written[-1], err=True)
    if as_json:
        output.print_json(json_report.document(found))
    else:
        output.print_lines(lines)
    _end(found, fail_on, as_json)


def _vantage(socket: Path, listener_text: str | None, server_name: str, as_json: bool) -> Vantage:
    gateway = Once(partial(_status, socket))
    named = None if listener_text is None else _named(listener_text, server_name, as_json)
    return Vantage(
        place=Local(),
        gateway=gateway,
        module=Once(partial(fips.gather, fips.FOLDER, socket)),
        listener=Once(lambda: _first(gateway(), server_name)) if named is None else lambda: named,
        now=datetime.now(UTC),
        installation=str(Path(wolfguard.__file__).parents[1]),
        records=partial(_records, socket),
    )


def _status(socket: Path) -> dict[str, Any]:
    with Client(socket) as client:
        return client.get("/v1/status")


def _records(socket: Path, newest: int) -> Sequence[dict[str, Any]]:
    """Raises Unobservable."""
    try:
        with Client(socket) as client:
            after: int = max(0, client.get("/v1/events", after=NEWEST)["last"] - newest)
            found: list[dict[str, Any]] = []
            while len(found) < newest and (batch := client.get("/v1/events", after=after)["records"]):
                found += batch
                after = batch[-1]["sequence"]
            return found[:newest]
    except CommandError as error:
        raise Unobservable(error.message) from None


def _named(text: str, server_name: str, as_json: bool) -> Listener:
    found = _LISTENER.fullmatch(text)
    port = int(found["port"] or found["port6"]) if found else 0
    if found is None or not 0 < port < 65536:
        raise CommandError("--listener takes ADDRESS:PORT, an IPv6 address in brackets", exit_code=2, as_json=as_json)
    host = found["host"] or found["six"]
    return Listener(host, port, server_name or host)


def _first(status: dict[str, Any], server_name: str) -> Listener:
    """The first TCP listener of the gateway; one on every address is reached over the loopback interface."""
    for text in status["listeners"]:
        address, _, protocol = str(text).partition("/")
        found = _LISTENER.fullmatch(address)
        if protocol == "tcp" and found is not None:
            host = found["host"] or found["six"]
            return Listener(_LOOPBACK.get(host, host), int(found["port"] or found["port6"]), server_name)
    raise Unobservable("the gateway names no TCP listener; name one with --listener")


def _silent(done: int, of: int, what: str) -> None:
    """For programs and files."""


def _progress(done: int, of: int, what: str) -> None:
    click.echo(f"\r\x1b[K{done} of {of}  {what}", nl=False, err=True)


def _end(found: Audit, fail_on: str, as_json: bool) -> None:
    """Raises CommandError for what the exit code has to say."""
    if fail_on == NEVER:
        return
    lowest = Severity[fail_on.upper()]
    counted = [finding for finding in found.findings if finding.rule.severity >= lowest]
    failed = sum(finding.state is State.FAIL for finding in counted)
    unseen = sum(finding.state in (State.ERROR, State.MANUAL) for finding in counted)
    if failed:
        text = f"{output.count(failed, 'rule')} of severity {fail_on} or above failed"
        raise CommandError(text, exit_code=REQUIREMENT_UNMET, code="requirement", as_json=as_json)
    if unseen:
        text = (
            f"{output.count(unseen, 'rule')} of severity {fail_on} or above could not be looked at or wait for a person"
        )
        raise CommandError(text, exit_code=REQUIREMENT_UNDECIDED, code="undecided", as_json=as_json)
