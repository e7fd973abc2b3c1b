# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard config`: checks the site file, shows it with its defaults, resolves it for the supervisor."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from wolfguard.cli import output
from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import as_json, examples, site_file
from wolfguard.config import load, reference
from wolfguard.config.site import Configuration
from wolfguard.crypto import own_keys
from wolfguard.errors import ConfigurationError, LocalError
from wolfguard.ipc import codec
from wolfguard.sandbox import weakening

RESOLVED_MAX = 16 * 1024 * 1024


@click.group(
    epilog=examples(
        ("wolfguard config show --defaults > wolfguard.yml", "a documented file to start from"),
        ("sudo wolfguard config check", "checks the file that the gateway will read"),
    )
)
def command() -> None:
    """Check and show the site file."""


@command.command(
    epilog=examples(
        ("sudo wolfguard config check", "checks the site file, with certificates and keys"),
        ("sudo wolfguard config check --config ./new.yml --json", "another file, for a program"),
    )
)
@site_file
@as_json
def check(file: Path, as_json: bool) -> None:
    """Check the site file, its certificates and keys, as a start would.

    Every problem is one line: file, line, key, value and what is allowed. Warnings do not keep the gateway from
    starting. Root is needed where certificates or keys are closed to others.
    """
    try:
        resolved = load.resolve(file)
    except ConfigurationError as error:
        if as_json:
            output.print_json({"good": False, "problems": str(error).splitlines(), "warnings": []})
            sys.exit(1)
        click.echo(str(error), err=True)
        number = len(str(error).splitlines())
        raise CommandError(f"{file} has {output.count(number, 'problem')}; nothing was changed") from None
    if as_json:
        output.print_json({"good": True, "problems": [], "warnings": list(resolved.warnings)})
        return
    for warning in resolved.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{file} is good: {_summary(resolved.configuration)}.")


@command.command(
    epilog=examples(
        ("wolfguard config show --defaults", "every key with its meaning and default"),
        ("wolfguard config show", "the site file with all defaults filled in"),
    )
)
@click.option("--defaults", is_flag=True, help="Print a documented file with every key and its default.")
@site_file
@as_json
def show(defaults: bool, file: Path, as_json: bool) -> None:
    """Print the site file as it is in effect: what it says, and the default of everything else.

    The gateway need not run. Certificates and keys are not read.
    """
    if defaults and as_json:
        output.print_json([dataclasses.asdict(entry) for entry in reference.entries()])
    elif defaults:
        click.echo(reference.default_file(), nl=False)
    else:
        configuration = load.objects(load.read(file))
        if as_json:
            output.print_json(reference.plain(configuration))
        else:
            click.echo(reference.file_in_effect(configuration), nl=False)


@command.command(epilog=examples(("wolfguard config resolve ./wolfguard.yml", "as the gateway does")))
@click.option("--make-keys", is_flag=True, help="Make the gateway's own keys below paths.keys where there are none.")
@click.argument("file", type=click.Path(path_type=Path))
def resolve(make_keys: bool, file: Path) -> None:
    """Print site file FILE as the gateway's processes get it: JSON with certificates and crypto profile filled in.

    The gateway runs this to read its site file. Private keys are not in it.
    """
    try:
        resolved = load.resolve(file)
        configuration = _with_keys(resolved.configuration) if make_keys else resolved.configuration
    except LocalError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    for warning in resolved.warnings:
        click.echo(f"warning: {warning}", err=True)
    data = codec.encode(configuration, RESOLVED_MAX)
    sys.stdout.buffer.write(data)


def _with_keys(configuration: Configuration) -> Configuration:
    """With the gateway's own keys, which are made where they are missing. Raises LocalError."""
    folder = configuration.paths.keys
    allow_unlocked = weakening.UNLOCKED_KEYS in configuration.confinement.allow
    for name in own_keys.make_missing(folder, allow_unlocked=allow_unlocked):
        click.echo(f"made the {name} key below {folder}", err=True)
    return dataclasses.replace(configuration, own_keys=load.public_keys(folder))


def _summary(configuration: Configuration) -> str:
    groups = sum(len(site.groups) for site in configuration.sites)
    parts = [
        output.count(len(configuration.listeners), "listener"),
        output.count(len(configuration.sites), "site"),
        output.count(groups, "group"),
        ", ".join(sorted({f"profile {site.crypto_profile}" for site in configuration.sites})),
    ]
    return ", ".join(parts)
