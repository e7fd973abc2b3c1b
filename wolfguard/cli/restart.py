# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard restart`: has the processes of the running gateway run the version that is installed now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.failure import NOT_RUNNING, CommandError
from wolfguard.cli.options import as_json, examples, socket_path

STEP_SECONDS: Final = 0.2
SILENT_SECONDS: Final = 90.0
"""So long may nobody answer: the process that does is replaced too."""
RUNNING: Final = "running"
DONE: Final = "done"


@click.command(
    epilog=examples(
        ("wolfguard restart", "after an update: process after process, and sessions stay"),
        ("wolfguard restart || wolfguard stop --keep-sessions", "where the supervisor is another one too"),
    )
)
@socket_path
@as_json
def command(socket_path: Path, as_json: bool) -> None:
    """Replace the processes of the gateway one after the other, each by one of the version that is installed now.

    Sessions stay; the clients of a worker come back to its successor on the same sockets and addresses. When a process
    of the installed version does not start, all of them run the version before again, and the command fails. It also
    fails, and changes nothing, when the installed version needs another supervisor: then stop and start the gateway.
    """
    with Client(socket_path, as_json=as_json) as client:
        begun = client.ask("POST", "/v1/replace")
    status = _followed(socket_path, as_json)
    if status["replacement"] != DONE:
        raise CommandError(status["replacement"], code="not_replaced", as_json=as_json)
    if as_json:
        output.print_json(begun)
    else:
        click.echo(f"Every process runs version {output.plain(begun['version'])} now.")


def _followed(socket_path: Path, as_json: bool) -> dict[str, Any]:
    """The status when it is over. Raises CommandError."""
    end = time.monotonic() + SILENT_SECONDS
    while True:
        try:
            with Client(socket_path, as_json=as_json) as client:
                status = client.get("/v1/status")
        except CommandError as error:
            if error.exit_code != NOT_RUNNING or time.monotonic() > end:
                raise
        else:
            end = time.monotonic() + SILENT_SECONDS
            if status["replacement"] not in (RUNNING, None):
                return status
        time.sleep(STEP_SECONDS)
