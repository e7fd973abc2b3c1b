# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard audit report`: a report made of a kept result, also by a later release than the one that looked.

Owns the names of formats. It looks at nothing, and what it makes is in no bundle: nobody has signed it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from wolfguard.audit.report import hdf, html, junit, oscal
from wolfguard.cli.audit_files import read_result
from wolfguard.cli.options import examples

NOT_COVERED: Final = "It was made of a kept result; the bundle of that audit does not cover it."
FORMATS: Final = {
    "html": lambda result: html.render(result, NOT_COVERED),
    "oscal": oscal.render,
    "hdf": hdf.render,
    "junit": junit.render,
}


@click.command(
    epilog=examples(
        ("wolfguard audit report audit-monday --format html > monday.html", "the page, as this release writes it"),
        ("wolfguard audit report bundle.jsonl --format hdf | saf convert hdf2ckl ...", "for a program of others"),
    )
)
@click.argument("kept", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="html", show_default=True)
def report(kept: Path, form: str) -> None:
    """Write a report of KEPT, a folder of `audit run --output`, a bundle or a result.json, to standard output.

    KEPT is not verified; that is `wolfguard audit verify`.
    """
    sys.stdout.buffer.write(FORMATS[form](read_result(kept)))
