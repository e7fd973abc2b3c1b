# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard disconnect`: ends sessions now and kills their cookies."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client, segment
from wolfguard.cli.options import as_json, examples, socket_path


@click.command(
    epilog=examples(
        ("wolfguard disconnect 17", "ends session 17"),
        ('wolfguard disconnect --user alice --text "Maintenance"', "ends all sessions of alice, who reads the text"),
    )
)
@click.argument("session", type=click.IntRange(1), required=False)
@click.option("--user", help="End all sessions of this user.")
@click.option("--text", default="", help="What the client shows as the reason.")
@socket_path
@as_json
def command(session: int | None, user: str | None, text: str, socket_path: Path, as_json: bool) -> None:
    """End session SESSION, or all sessions of a user.

    The user can log in again at once; to keep somebody out, remove the user or change the password.
    """
    if (session is None) == (user is None):
        raise click.UsageError("Give either a session's number (see `wolfguard sessions`) or --user.")
    with Client(socket_path, as_json=as_json) as client:
        if session is not None:
            query = f"?{urlencode({'text': text})}" if text else ""
            answer = client.ask("DELETE", f"/v1/sessions/{segment(session)}{query}")
        else:
            answer = client.ask("POST", "/v1/disconnect", {"user": user, "text": text})
    if as_json:
        output.print_json(answer)
    else:
        click.echo(f"Ended {output.count(answer['count'], 'session')}.")
