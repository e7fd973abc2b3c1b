# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard documents`: writes the pages that are generated from the command, the site file's schema and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from wolfguard.cli import man
from wolfguard.cli.options import examples
from wolfguard.config import reference
from wolfguard.policy.load import profile_names, read_profile
from wolfguard.policy.render import render


@click.command(
    epilog=examples(
        ("wolfguard documents docs", "renews docs/man and what is generated in docs/reference"),
        ("man ./docs/man/wolfguard-user.1", "reads one of the pages"),
    )
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Write manual pages and the references of the site file and of crypto profiles below FOLDER."""
    for name, text in pages().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(str(file))


def pages() -> Mapping[str, str]:
    """Every generated page by its path below the folder of documents."""
    found = {f"man/{name}": text for name, text in man.pages().items()}
    found["reference/configuration.md"] = reference.markdown()
    for name in profile_names():
        found[f"reference/profiles/{name}.txt"] = render(read_profile(name))
    return found
