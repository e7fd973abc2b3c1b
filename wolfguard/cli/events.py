# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard events`: the records of logins, sessions, refusals and acts of administration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path
from wolfguard.records.record import canonical

NEWEST: Final = 2**63 - 1
SHOWN_BY_DEFAULT: Final = 100
WAIT: Final = 25


@click.command(
    epilog=examples(
        ("wolfguard events", f"the last {SHOWN_BY_DEFAULT} records"),
        ("wolfguard events --follow", "the same, then new ones as they come"),
        ("wolfguard events --since 0 --json > records.jsonl", "all records that the gateway has, one JSON a line"),
    )
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new records as they come.")
@click.option(
    "--since", type=click.IntRange(0), help=f"Records above this number. Default: the last {SHOWN_BY_DEFAULT}."
)
@socket_path
@as_json
def command(follow: bool, since: int | None, socket_path: Path, as_json: bool) -> None:
    """Show records in the order of their numbers, one a line.

    With --json each line is the record as it was written, with its chain of hashes.
    """
    with Client(socket_path, as_json=as_json) as client:
        if since is None:
            newest: int = client.get("/v1/events", after=NEWEST)["last"]
            since = max(0, newest - SHOWN_BY_DEFAULT)
        try:
            _show(client, since, follow, as_json)
        except KeyboardInterrupt:
            return


def _show(client: Client, after: int, follow: bool, as_json: bool) -> None:
    while True:
        batch = client.get("/v1/events", after=after, wait=WAIT if follow else 0)
        for record in batch["records"]:
            click.echo(canonical(record) if as_json else render(record))
            after = record["sequence"]
        if not batch["records"] and not follow:
            return


def render(record: dict[str, Any]) -> str:
    """A record as one line: number, time, event, outcome, who, where, then what it has besides."""
    parts = [
        str(record["sequence"]).rjust(6),
        output.plain(record["time"]),
        output.plain(record["event"]).ljust(20),
        output.plain(record["outcome"]).ljust(7),
        output.plain(record["who"]),
    ]
    parts += [f"at {output.plain(record['where'])}"] if record["where"] else []
    parts += [f"session={record['session']}"] if record["session"] else []
    parts += [f"reason={output.plain(record['reason'])}"] if record["reason"] else []
    parts += [f"{name}={_value(value)}" for name, value in record["fields"].items() if value not in ("", 0, False)]
    return "  ".join(parts[:4]) + "  " + " ".join(parts[4:])


def _value(value: object) -> str:
    shown = output.plain(value)
    return json.dumps(shown, ensure_ascii=False) if " " in shown else shown
