# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard run`: becomes the supervisor. Imports nothing that reads YAML: the supervisor has that done elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wolfguard.cli.failure import NOT_PERMITTED, CommandError
from wolfguard.cli.options import as_json, examples, site_file
from wolfguard.sandbox.processes import PROCESSES

ALL = "all"

STATUSES = "\n".join(
    (
        "\b",
        "Exit codes:",
        "  0   stopped in good order",
        "  1   something needed is missing or refused: a port, the TUN device, a key file, an account",
        "  2   the site file is wrong",
        "  3   a process did not start",
        "  4   not started as root",
        "  5   the cryptographic module failed: wrong library, failed self-test, no entropy",
        "  70  a defect of the gateway",
    )
)


@click.command(
    epilog=examples(
        ("sudo wolfguard run", "in a terminal; Ctrl-C ends it"),
        ("sudo wolfguard run --config ./site.yml", "with another site file"),
        (
            "sudo wolfguard run --learn worker 2>&1 | grep learned",
            "for a developer: what the worker's filter would kill for",
        ),
    )
    + "\n\n"
    + STATUSES
)
@click.option(
    "--learn",
    type=click.Choice([*PROCESSES, ALL]),
    multiple=True,
    metavar="PROCESS",
    help="Log what this process's filter would kill for, and let it happen. Not for service. Can be given again.",
)
@site_file
@as_json
def command(learn: tuple[str, ...], file: Path, as_json: bool) -> None:
    """Run the gateway until it is told to end.

    It stays in the foreground, logs to standard error and ends on SIGTERM or Ctrl-C; SIGHUP makes it read the site
    file again. Nothing is started when the site file has errors.

    With --learn the gateway is weaker for as long as it runs: that is warned of, recorded as gateway.weakened and shown
    by wolfguard status. PROCESS is one of those that wolfguard sandbox list names, or all.
    """
    if os.geteuid() != 0:
        text = "the gateway starts as root, to open ports and devices, and gives that up at once; use sudo"
        raise CommandError(text, exit_code=NOT_PERMITTED, code="not_root")
    # Here and not above: what the supervisor needs is loaded only when it runs.
    from wolfguard.procs import supervisor

    processes = tuple(PROCESSES) if ALL in learn else learn
    sys.exit(supervisor.main(str(file.absolute()), learn=processes, as_json=as_json))
