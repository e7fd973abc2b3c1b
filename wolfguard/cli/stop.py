# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard stop`: has the running gateway end."""

from __future__ import annotations

from pathlib import Path

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path


@click.command(epilog=examples(("wolfguard stop", "ends the gateway and takes its devices, routes and rules away")))
@socket_path
@as_json
def command(socket_path: Path, as_json: bool) -> None:
    """Stop the gateway: clients are told, and its devices, routes and firewall rules go.

    A service manager that runs the gateway may start it again; then stop it there.
    """
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("POST", "/v1/shutdown")
    if as_json:
        output.print_json(answer)
    else:
        click.echo("The gateway stops.")
