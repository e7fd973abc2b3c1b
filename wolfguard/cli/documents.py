# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard documents`: writes the pages that are generated from the command and from the site file's schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from wolfguard.cli import man
from wolfguard.cli.options import examples
from wolfguard.config import reference


@click.command(
    epilog=examples(
        ("wolfguard documents docs", "renews docs/man and docs/reference/configuration.md"),
        ("man ./docs/man/wolfguard-user.1", "reads one of the pages"),
    )
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Write manual pages and the reference of the site file below FOLDER."""
    for name, text in pages().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(str(file))


def pages() -> Mapping[str, str]:
    """Every generated page by its path below the folder of documents."""
    found = {f"man/{name}": text for name, text in man.pages().items()}
    found["reference/configuration.md"] = reference.markdown()
    return found
