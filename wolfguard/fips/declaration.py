# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what only the site can say about its module: the certificate it bought, the entropy source, how it meets the
caveats, and who affirms the operating environment. None of it is believed further than "the site says"."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wolfguard.fips import place
from wolfguard.fips.facts import Declaration

FILE: Final = "declaration.yml"


def read(folder: Path) -> Declaration | None:
    """What `folder` declares, None where it has no declaration. Raises ConfigurationError."""
    file = folder / FILE
    if not file.exists():
        return None
    document = place.parse(place.read_own(file), "declaration", str(file))
    environment = document.get("environment", {})
    return Declaration(
        certificate=document["certificate"],
        entropy_source=document["entropy_source"],
        entropy_certificate=document.get("entropy_certificate", ""),
        caveats=tuple(sorted(document.get("caveats", {}).items())),
        affirmed=environment.get("affirmed", ""),
        reference=environment.get("reference", ""),
    )
