# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard version`: of the installed package. What a running gateway uses is in `wolfguard status`."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples

DISTRIBUTION = "wolfguard-gateway"


@click.command(epilog=examples(("wolfguard version --json", "versions for a program")))
@as_json
def command(as_json: bool) -> None:
    """Show the version of this package and of Python.

    The cryptographic library belongs to the running gateway: see wolfguard status.
    """
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        text = f"the package {DISTRIBUTION} is not installed for this Python; run sudo ./bootstrap install"
        raise CommandError(text, code="not_installed", as_json=as_json) from None
    if as_json:
        output.print_json({"version": version, "python": platform.python_version()})
    else:
        click.echo(f"wolfguard {version}, Python {platform.python_version()}")
