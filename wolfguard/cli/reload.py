# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard reload`: has the running gateway read its site file again."""

from __future__ import annotations

from pathlib import Path

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path


@click.command(
    epilog=examples(
        ("wolfguard config check && wolfguard reload", "checks the changed file first, then takes it"),
    )
)
@socket_path
@as_json
def command(socket_path: Path, as_json: bool) -> None:
    """Take the changed site file, certificates and keys; sessions stay.

    A file with errors changes nothing. Changes that wait for a restart are named.
    """
    with Client(socket_path, as_json=as_json) as client:
        report = client.ask("POST", "/v1/reload")
    if as_json:
        output.print_json(report)
        return
    click.echo(f"The gateway runs with configuration {report['generation']}.")
    if report["needs_restart"]:
        click.echo(f"These changes wait for a restart: {', '.join(report['needs_restart'])}.")
