# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard stop`: has the running gateway end."""

from __future__ import annotations

from pathlib import Path

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path


@click.command(
    epilog=examples(
        ("wolfguard stop", "ends the gateway and takes its devices, routes and rules away"),
        (
            "wolfguard stop --keep-sessions && systemctl start wolfguard-gateway",
            "starts it afresh; clients come back by themselves",
        ),
    )
)
@click.option(
    "--keep-sessions", is_flag=True, help="Do not tell clients: they come back to the next start and keep all."
)
@socket_path
@as_json
def command(keep_sessions: bool, socket_path: Path, as_json: bool) -> None:
    """Stop the gateway: clients are told, and its devices, routes and firewall rules go.

    With --keep-sessions it ends as if it had died: pools stay unreachable, and sessions last as long as they would
    have.
    """
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("POST", "/v1/shutdown", {"keep_sessions": keep_sessions})
    if as_json:
        output.print_json(answer)
    else:
        click.echo("The gateway stops.")
