# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard user`: the gateway's own users. Passwords come from a prompt or standard input, never from arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client, segment
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples, socket_path

PASSWORD_MAX: Final = 1024

password_stdin = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@click.group(
    epilog=examples(
        ("wolfguard user add alice", "adds alice, asks for the password twice"),
        ("wolfguard user list", "shows all users and who is locked"),
    )
)
def command() -> None:
    """Add, change, list and remove the gateway's own users."""


@command.command(
    epilog=examples(
        ("wolfguard user add alice --group staff", "adds alice to the group staff"),
        ("pass vpn/alice | wolfguard user add alice --password-stdin", "takes the password from another program"),
    )
)
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="Group of the user, as the site file names it. Repeatable.")
@password_stdin
@socket_path
@as_json
def add(name: str, groups: tuple[str, ...], from_stdin: bool, socket_path: Path, as_json: bool) -> None:
    """Add user NAME with a password."""
    password = _password(from_stdin, as_json)
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("POST", "/v1/users", {"name": name, "password": password, "groups": list(groups)})
    _done(answer, as_json, f"Added user {output.plain(name)}.")


@command.command(epilog=examples(("wolfguard user remove alice", "removes alice; her sessions end")))
@click.argument("name")
@socket_path
@as_json
def remove(name: str, socket_path: Path, as_json: bool) -> None:
    """Remove user NAME; sessions of the user end."""
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("DELETE", f"/v1/users/{segment(name)}")
    _done(answer, as_json, f"Removed user {output.plain(name)}.")


@command.command(epilog=examples(("wolfguard user passwd alice", "asks for the new password twice")))
@click.argument("name")
@password_stdin
@socket_path
@as_json
def passwd(name: str, from_stdin: bool, socket_path: Path, as_json: bool) -> None:
    """Give user NAME a new password."""
    password = _password(from_stdin, as_json)
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("PUT", f"/v1/users/{segment(name)}/password", {"password": password})
    _done(answer, as_json, f"Changed the password of {output.plain(name)}.")


@command.command(epilog=examples(("wolfguard user unlock alice", "lets alice try again")))
@click.argument("name")
@socket_path
@as_json
def unlock(name: str, socket_path: Path, as_json: bool) -> None:
    """End the lock that failed logins put on user NAME."""
    with Client(socket_path, as_json=as_json) as client:
        answer = client.ask("POST", f"/v1/users/{segment(name)}/unlock")
    _done(answer, as_json, f"Unlocked {output.plain(name)}.")


@command.command(name="list", epilog=examples(("wolfguard user list --json", "users for a program")))
@socket_path
@as_json
def list_users(socket_path: Path, as_json: bool) -> None:
    """List users, their groups, locks and last logins."""
    with Client(socket_path, as_json=as_json) as client:
        users = list(client.pages("/v1/users", "users", ""))
    if as_json:
        output.print_json({"users": users})
    else:
        output.print_lines(render(users))


def render(users: list[dict[str, Any]]) -> list[str]:
    """A table, and their number."""
    rows = [
        (
            item["name"],
            ", ".join(item["groups"]),
            item["failures"],
            output.moment(item["locked_until"]),
            output.moment(item["last_login"]),
            output.moment(item["created"]),
        )
        for item in users
    ]
    head = ("name", "groups", "failures", "locked until (UTC)", "last login (UTC)", "created (UTC)")
    total = output.count(len(users), "user")
    return [*output.table(head, rows, right=("failures",)), total] if rows else [total]


def _password(from_stdin: bool, as_json: bool) -> str:
    if from_stdin:
        line = sys.stdin.readline(PASSWORD_MAX + 2).rstrip("\r\n")
        if not line:
            raise CommandError("no password on standard input", code="password", as_json=as_json)
        return line
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt="Password again", err=True)
    return asked


def _done(answer: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        output.print_json(answer)
    else:
        click.echo(text)
