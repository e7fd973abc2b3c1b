# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit`: looks at this machine or at others and says for each rule what was seen.

Owns the options, the progress of one machine on a terminal, and the exit code. Which machines there are is
`audit_hosts`', several at a time are `audit_many`'s, looking and judging are `wolfguard.audit`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

import click

from wolfguard.audit import waivers
from wolfguard.audit.report import json as json_report
from wolfguard.audit.report import terminal
from wolfguard.audit.result import Audit, State
from wolfguard.audit.run import WHOLE_SECONDS, Limits
from wolfguard.cli import audit_hosts, audit_login, audit_many, audit_output, audit_subject, output, reach
from wolfguard.cli.audit_diff import diff, history
from wolfguard.cli.audit_many import Plan
from wolfguard.cli.audit_report import report
from wolfguard.cli.audit_sbom import command as sbom
from wolfguard.cli.audit_subject import Subject
from wolfguard.cli.audit_verify import verify
from wolfguard.cli.failure import REQUIREMENT_UNDECIDED, REQUIREMENT_UNMET, USAGE, CommandError
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.cli.version import DISTRIBUTION
from wolfguard.errors import ConfigurationError, LocalError
from wolfguard.policy.controls import DEFAULT_PROFILE, audit_profile_names, read_audit_profile
from wolfguard.policy.rule import Severity
from wolfguard.policy.variables import read_tailoring

NEVER: Final = "never"
AT_A_TIME: Final = 10


@click.group(epilog=examples(("sudo wolfguard audit run", "look at this machine and its gateway")))
def command() -> None:
    """Look at the machine and the running gateway, rule by rule."""


for each in (verify, report, diff, history, sbom):
    command.add_command(each)


@command.command(
    epilog=examples(
        ("sudo wolfguard audit run", "look at everything that the default profile names"),
        ("sudo wolfguard audit run --fail-on high --waivers waivers.yml", "for a pipeline: the exit code decides"),
        ("sudo wolfguard audit run --output audit-today", "keep the result in every format, signed by the gateway"),
        ("sudo wolfguard audit run --listener vpn.example.com:443", "shake hands with that address"),
        ("wolfguard audit run --host ssh://auditor@gw1 --sudo", "look at another machine"),
        ("wolfguard audit run --hosts hosts.yml --output audits", "look at many, and keep the result of each"),
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
@click.option(
    "--host",
    "urls",
    multiple=True,
    metavar="[NAME=]URL",
    help="Machine to look at instead of this one, again for each: ssh://[USER@]HOST[:PORT], docker://NAME, "
    "podman://NAME, nspawn://NAME, chroot:///PATH or local://.",
)
@click.option(
    "--hosts", "hosts_file", type=click.Path(path_type=Path), help="List of machines to look at (docs/how-to/audit.md)."
)
@click.option("--sudo", is_flag=True, help="Look through sudo there, which must not ask for a password.")
@click.option("--ssh-config", type=click.Path(path_type=Path), help="Configuration of ssh instead of the user's own.")
@click.option("--ssh-identity", type=click.Path(path_type=Path), help="Private key that ssh uses.")
@click.option(
    "--host-keys",
    type=click.Choice(list(reach.HOST_KEYS)),
    default=next(iter(reach.HOST_KEYS)),
    show_default=True,
    help="Whether ssh may take the key of a machine that it has never met; one that has changed is always refused.",
)
@click.option(
    "--prefix",
    default=audit_subject.PREFIX,
    show_default=True,
    help="Where wolfguard is installed on another machine.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 100),
    default=AT_A_TIME,
    show_default=True,
    help="How many machines to look at together.",
)
@click.option(
    "--host-seconds",
    type=click.IntRange(1, 3600),
    default=round(WHOLE_SECONDS),
    show_default=True,
    help="Time for one machine; what has not been looked at by then is an error.",
)
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
    urls: tuple[str, ...],
    hosts_file: Path | None,
    sudo: bool,
    ssh_config: Path | None,
    ssh_identity: Path | None,
    host_keys: str,
    prefix: str,
    parallel: int,
    host_seconds: int,
    socket_path: Path,
    as_json: bool,
) -> None:
    """Look at this machine, its gateway and one listener, and judge each rule of a profile.

    Nothing is changed, and what could not be looked at is an error, never a pass. Root sees most. Handshakes, requests
    and logins show in the listener's log, records and counters. With --login the test account logs in, after two wrong
    passwords, and out again; without it, rules about sessions are errors.

    With --host or --hosts other machines are looked at, over ssh (with the keys and the known hosts of the user, and no
    questions), in containers or in root file systems, several at a time. --socket and --prefix are then paths there.
    Of several machines each has a result of its own, in a folder of its own below that of --output.

    Exit code 0: no rule of that severity fails. 6: one does, and no waiver accepts it. 7: none fails, but some could
    not be looked at, or wait for a person's word. Of several machines the gravest counts.
    """
    if profile not in audit_profile_names():
        raise CommandError(
            f"there is no audit profile {profile!r}; there are: {', '.join(audit_profile_names())}", as_json=as_json
        )
    chosen = read_audit_profile(profile, None if tailoring_file is None else read_tailoring(tailoring_file))
    accepted = () if waivers_file is None else waivers.read(waivers_file)
    try:
        ways = reach.Ways(sudo, str(ssh_config or ""), str(ssh_identity or ""), host_keys)
        listener = None if listener_text is None else audit_subject.named_listener(listener_text, server_name)
        defaults = audit_hosts.Defaults(ways, socket_path, prefix, listener, server_name)
        entries = [*audit_hosts.from_options(urls), *([] if hosts_file is None else audit_hosts.from_file(hosts_file))]
        if listener is not None and len(entries) > 1:
            raise ConfigurationError("a listener is one machine's: name it in the list of --hosts")
        if login_file is not None and len(entries) > 1:
            raise ConfigurationError("a test account is of one gateway: look at that one alone with --login")
        alone = hosts_file is None and len(entries) < 2
        subjects = audit_hosts.subjects(entries or [{"host": "local://"}], defaults)
    except ConfigurationError as error:
        raise CommandError(str(error), exit_code=USAGE, as_json=as_json) from None
    except LocalError as error:
        raise CommandError(str(error), as_json=as_json) from None
    plan = Plan(
        profile=chosen,
        version=metadata.version(DISTRIBUTION),
        spoken=accepted,
        limits=Limits(whole=host_seconds),
        at_a_time=parallel,
        folder=folder,
        account=None if login_file is None else audit_login.read(login_file),
    )
    if alone:
        _run_one(subjects[0], plan, fail_on, everything, as_json)
    else:
        _run_all(subjects, plan, fail_on, as_json)


def _run_one(subject: Subject, plan: Plan, fail_on: str, everything: bool, as_json: bool) -> None:
    """One machine, its own result alone."""
    if plan.folder is not None:
        audit_output.prepare(plan.folder, as_json)
    shown = sys.stderr.isatty() and not as_json
    done = audit_many.look_at(subject, plan, _progress if shown else _silent)
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)
    found = done.audit
    if as_json:
        for line in done.kept[-1:]:
            click.echo(line, err=True)
        output.print_json(json_report.document(found))
    else:
        output.print_lines([*terminal.render(found, everything=everything), *([""] if done.kept else []), *done.kept])
    _end((found,), fail_on, as_json)


def _run_all(subjects: Sequence[Subject], plan: Plan, fail_on: str, as_json: bool) -> None:
    """Several machines, and what they come to together."""
    if plan.folder is not None:
        audit_many.prepare(plan.folder, [each.name for each in subjects], as_json)
    display = audit_many.Display(len(subjects), shown=not as_json)
    done = audit_many.look_at_all(subjects, plan, display)
    remarks = audit_hosts.unheard(plan.spoken, [each.name for each in subjects])
    judge = partial(_exit_code, fail_on=fail_on)
    document = audit_many.document(done, remarks, judge)
    lines = list(audit_many.summary(done, remarks))
    if plan.folder is not None:
        lines += ["", *audit_many.keep(plan.folder, done, document, lines)]
    if as_json:
        output.print_json(document)
    else:
        output.print_lines(lines)
    _end([each.audit for each in done], fail_on, as_json)


def _silent(done: int, of: int, what: str) -> None:
    """For programs and files."""


def _progress(done: int, of: int, what: str) -> None:
    click.echo(f"\r\x1b[K{done} of {of}  {what}", nl=False, err=True)


def _counted(found: Audit, fail_on: str) -> tuple[int, int]:
    """How many rules that decide the exit code failed, and how many nobody could judge."""
    if fail_on == NEVER:
        return 0, 0
    states = [each.state for each in found.findings if each.rule.severity >= Severity[fail_on.upper()]]
    return states.count(State.FAIL), states.count(State.ERROR) + states.count(State.MANUAL)


def _exit_code(found: Audit, fail_on: str) -> int:
    failed, unseen = _counted(found, fail_on)
    return REQUIREMENT_UNMET if failed else REQUIREMENT_UNDECIDED if unseen else 0


def _end(audits: Sequence[Audit], fail_on: str, as_json: bool) -> None:
    """Raises CommandError for what the exit code has to say."""
    counted = [_counted(each, fail_on) for each in audits]
    failed, unseen = (sum(each) for each in zip(*counted, strict=True))
    where = f" on {output.count(len(audits), 'host')}" if len(audits) > 1 else ""
    if failed:
        text = f"{output.count(failed, 'rule')} of severity {fail_on} or above failed{where}"
        raise CommandError(text, exit_code=REQUIREMENT_UNMET, code="requirement", as_json=as_json)
    if unseen:
        text = (
            f"{output.count(unseen, 'rule')} of severity {fail_on} or above could not be looked at or wait for a person"
        )
        raise CommandError(text + where, exit_code=REQUIREMENT_UNDECIDED, code="undecided", as_json=as_json)
