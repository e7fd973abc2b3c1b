# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard records`: verifies the trail of records offline, and writes it out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.failure import REQUIREMENT_UNDECIDED, UNSOUND, USAGE, CommandError
from wolfguard.cli.keys import public_key
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.cli.records import report, sources
from wolfguard.cli.records.sources import Source
from wolfguard.config.site import Paths
from wolfguard.crypto.digest import sha256
from wolfguard.crypto.signing import verify_p384
from wolfguard.errors import LocalError
from wolfguard.records import verifier
from wolfguard.records.verifier import Report, Verifier, VerifySignature

PROGRESS_SECONDS: Final = 0.25
PROGRESS_RECORDS: Final = 512
EXITS: Final = {verifier.SOUND: 0, verifier.UNSOUND: UNSOUND, verifier.UNDECIDED: REQUIREMENT_UNDECIDED}

F = TypeVar("F", bound=Callable[..., Any])


def _from(function: F) -> F:
    """The options that name a trail."""
    for option in (
        click.option("--journal", is_flag=True, help="Read the system's journal."),
        click.option(
            "--store",
            type=click.Path(path_type=Path),
            is_flag=False,
            flag_value=Path(Paths().state_file),
            help=f"Read the state file of a gateway that does not run. Without a value: {Paths().state_file}.",
        ),
        click.option("--gateway", is_flag=True, help="Ask the running gateway for the newest records."),
        click.argument("file", required=False, type=click.Path()),
        socket_path,
    ):
        function = option(function)
    return function


@click.group(
    epilog=examples(
        ("wolfguard records verify records.jsonl --key checkpoint.pub", "a collector's file, on any machine"),
        ("sudo wolfguard records verify --journal --key checkpoint.pub", "the journal of this machine"),
    )
)
def command() -> None:
    """Verify the trail of records, and write it out.

    Each record has the hash of the one before, and the gateway signs checkpoints of the trail with a key of its own.
    Its public half, checkpoint.pub below paths.keys, is all that verifying takes: copy it away on the day it is made.
    """


@command.command(
    epilog=examples(
        ("wolfguard records verify records.jsonl --key checkpoint.pub", "chain, gaps, signatures"),
        (
            "wolfguard records verify --journal --key checkpoint.pub --against collector.jsonl",
            "the same, and nothing may be missing here that a checkpoint elsewhere covers",
        ),
        ("zcat records-*.gz | wolfguard records verify - --key checkpoint.pub --json", "rotated files, for a program"),
    )
)
@click.option(
    "--key",
    "key_files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Public key of the checkpoints; several where the gateway got a new one.",
)
@click.option(
    "--against", type=click.Path(), help="Another copy of the trail, whose checkpoints this one must bear out."
)
@_from
@as_json
def verify(
    file: str | None,
    journal: bool,
    store: Path | None,
    gateway: bool,
    key_files: tuple[Path, ...],
    against: str | None,
    socket_path: Path,
    as_json: bool,
) -> None:
    """Verify a trail: in FILE (- for standard input), in the journal, in a state file or of the running gateway.

    Names every record that was changed, is missing, does not follow the one before, or is a checkpoint that this key
    has not signed or that the trail does not bear out. Records that are there twice with the same content are no fault.

    A trail that was cut off shows where a checkpoint behind the cut has left the machine: name that copy by --against.
    Exit code 0 means sound, 8 not sound, 7 that no checkpoint vouches for it.
    """
    try:
        spkis = [public_key(file, "checkpoints are signed with") for file in key_files]
        keys = {sha256(spki).hex(): partial(verify_p384, spki) for spki in spkis}
        shown = not as_json and sys.stderr.isatty()
        anchors = _anchors(against, keys, shown) if against is not None else {}
        with Client(socket_path, as_json=as_json) as client:
            source = _source(file, journal, store, gateway, client)
            found = _run(Verifier(sha256, keys, anchors), source, shown)
    except LocalError as error:
        raise CommandError(str(error), as_json=as_json) from error
    except CommandError as error:
        error.as_json = as_json
        raise
    if as_json:
        output.print_json(report.plain(found, list(keys)))
    else:
        output.print_lines(report.lines(found, source.name, list(keys)))
    sys.exit(EXITS[found.verdict])


@command.command(
    epilog=examples(
        ("sudo wolfguard records export --journal > records.jsonl", "all records that the journal has, one a line"),
        ("wolfguard records export --gateway > newest.jsonl", "the newest records of the running gateway"),
    )
)
@_from
def export(file: str | None, journal: bool, store: Path | None, gateway: bool, socket_path: Path) -> None:
    """Write a trail to standard output, one record a line, as it was made: a file to archive or to verify elsewhere.

    FILE may be a log file with other words before each record.
    """
    with Client(socket_path) as client:
        try:
            for text in _source(file, journal, store, gateway, client):
                sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader has seen enough; Python must not try to flush once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _source(file: str | None, journal: bool, store: Path | None, gateway: bool, client: Client) -> Source:
    if [file is not None, journal, store is not None, gateway].count(True) != 1:
        text = "name one trail: a FILE, --journal, --store or --gateway"
        raise CommandError(text, exit_code=USAGE, code="usage")
    if file is not None:
        return sources.file(file)
    if store is not None:
        return sources.store(store)
    return sources.journal() if journal else sources.gateway(client)


def _anchors(path: str, keys: Mapping[str, VerifySignature], shown: bool) -> Mapping[int, str]:
    """What the good checkpoints in another copy cover."""
    other = Verifier(sha256, keys)
    _run(other, sources.file(path), shown)
    if not other.statements:
        raise CommandError(f"{path} has no checkpoint by this key: there is nothing to compare with")
    return other.statements


def _run(verifying: Verifier, source: Source, shown: bool) -> Report:
    """Feeds the whole source; tells on a terminal how far it is."""
    told = time.monotonic()
    for number, text in enumerate(source, 1):
        verifying.take(text)
        if shown and number % PROGRESS_RECORDS == 0 and time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            share = f", {source.part:.0%}" if source.part is not None else ""
            click.echo(f"\r  {number:,} records{share} ", nl=False, err=True)
    if shown:
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)
    return verifying.finish()
