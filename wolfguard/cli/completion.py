# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard completion`: prints what a shell has to load so that it completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from wolfguard.cli.failure import CommandError
from wolfguard.cli.options import examples

VARIABLE = "_WOLFGUARD_COMPLETE"


@click.command(
    epilog=examples(
        ("wolfguard completion bash > /etc/bash_completion.d/wolfguard", "for all users of bash"),
        ("wolfguard completion zsh > /usr/local/share/zsh/site-functions/_wolfguard", "for zsh"),
        ("wolfguard completion fish > /etc/fish/completions/wolfguard.fish", "for fish"),
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL."""
    click.echo(script(shell))


def script(shell: str) -> str:
    """The text that the shell loads. It asks the command itself, so it stays right when the command changes."""
    kind = get_completion_class(shell)
    if kind is None:
        raise CommandError(f"no completion for {shell}", code="shell")
    completion = kind(click.Group(), {}, "wolfguard", VARIABLE)
    return completion.source_template % completion.source_vars()
