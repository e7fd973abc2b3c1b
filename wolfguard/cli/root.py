# SPDX-License-Identifier: GPL-3.0-or-later
"""The `wolfguard` command itself: finds its subcommands by name, and turns errors into exit codes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import click

from wolfguard.cli.failure import MEANINGS, CommandError
from wolfguard.cli.options import root_socket_path
from wolfguard.errors import WolfguardError

# Where each command is, in the order of a first day with the gateway.
COMMANDS: Final = {
    "demo": "wolfguard.cli.demo:demo",
    "config": "wolfguard.cli.config:command",
    "run": "wolfguard.cli.run:command",
    "status": "wolfguard.cli.status:command",
    "user": "wolfguard.cli.user:command",
    "sessions": "wolfguard.cli.sessions:command",
    "disconnect": "wolfguard.cli.disconnect:command",
    "events": "wolfguard.cli.events:command",
    "records": "wolfguard.cli.records:command",
    "reload": "wolfguard.cli.reload:command",
    "restart": "wolfguard.cli.restart:command",
    "stop": "wolfguard.cli.stop:command",
    "backup": "wolfguard.cli.backup:command",
    "restore": "wolfguard.cli.restore:command",
    "fips": "wolfguard.cli.fips:command",
    "audit": "wolfguard.cli.audit:command",
    "policy": "wolfguard.cli.policy:command",
    "appliance": "wolfguard.cli.appliance:command",
    "sandbox": "wolfguard.cli.sandbox:command",
    "version": "wolfguard.cli.version:command",
    "completion": "wolfguard.cli.completion:command",
    "documents": "wolfguard.cli.documents:command",
}

# Packages of the extra "tools", which a gateway in service does not need.
OPTIONAL_PACKAGES: Final = ("cryptography",)

EXIT_CODES: Final = "\b\nExit codes:\n" + "\n".join(f"  {code}  {meaning}" for code, meaning in MEANINGS.items())


class Root(click.Group):
    """Imports a command's module when it is called: the long-lived gateway never loads what it does not use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        try:
            found: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL_PACKAGES:
                raise
            return _lacking(cmd_name, error.name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WolfguardError as error:
            raise CommandError(str(error)) from error


def _lacking(name: str, package: str) -> click.Command:
    """Stands in, unlisted, for a command whose package is not installed."""

    def fail(words: tuple[str, ...]) -> None:
        raise CommandError(f"{name} needs the Python package {package}; install wolfguard-gateway[tools]")

    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(
        name, callback=fail, params=[words], hidden=True, add_help_option=False, context_settings=settings
    )


@click.group(cls=Root, epilog=EXIT_CODES)
@root_socket_path
def command(socket_path: Path | None) -> None:
    """VPN gateway for OpenConnect and AnyConnect-compatible clients.

    Commands that look at or change the running gateway ask it over its management socket: as root, or as a member of
    the group wolfguard-auditor (look), wolfguard-operator (also disconnect and unlock) or wolfguard-admin (everything).
    """
