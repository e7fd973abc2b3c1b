# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard run`: becomes the supervisor. Imports nothing that reads YAML: the supervisor has that done elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wolfguard.cli.failure import NOT_PERMITTED, CommandError
from wolfguard.cli.options import as_json, examples, site_file

STATUSES = "\n".join(
    (
        "\b",
        "Exit codes:",
        "  0   stopped in good order",
        "  1   something needed is missing or refused: a port, the TUN device, a key file, an account",
        "  2   the site file is wrong",
        "  3   a process did not start",
        "  4   not started as root",
        "  70  a defect of the gateway",
    )
)


@click.command(
    epilog=examples(
        ("sudo wolfguard run", "in a terminal; Ctrl-C ends it"),
        ("sudo wolfguard run --config ./site.yml", "with another site file"),
    )
    + "\n\n"
    + STATUSES
)
@site_file
@as_json
def command(file: Path, as_json: bool) -> None:
    """Run the gateway until it is told to end.

    It stays in the foreground, logs to standard error and ends on SIGTERM or Ctrl-C; SIGHUP makes it read the site
    file again. Nothing is started when the site file has errors.
    """
    if os.geteuid() != 0:
        text = "the gateway starts as root, to open ports and devices, and gives that up at once; use sudo"
        raise CommandError(text, exit_code=NOT_PERMITTED, code="not_root")
    # Here and not above: what the supervisor needs is loaded only when it runs.
    from wolfguard.procs import supervisor

    sys.exit(supervisor.main(str(file.absolute()), as_json=as_json))
