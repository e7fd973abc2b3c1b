# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of audits as files that commands are given: a folder of `audit run --output`, its bundle, or result.json.

Owns what is opened: regular files below a size, and no FIFO or device in the place of one. What is read here was not
verified; that is `wolfguard audit verify`.
"""

from __future__ import annotations

from pathlib import Path

from wolfguard.audit import kept
from wolfguard.audit.evidence.verify import BYTES_MAX
from wolfguard.audit.kept import Kept
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.cli.audit_output import BUNDLE, RESULT, SUMMARY
from wolfguard.cli.failure import CommandError
from wolfguard.errors import ConfigurationError


def read_result(place: Path) -> Kept:
    """Raises CommandError."""
    try:
        return kept.parse(Local().read(str(_file(place).absolute()), BYTES_MAX), str(place))
    except (Unobservable, ConfigurationError) as error:
        raise CommandError(str(error)) from None


def folders(place: Path) -> list[Path]:
    """Everything directly in a folder that holds, or could be, a result, sorted by name; of an audit of several
    machines what it has of each. Raises CommandError."""
    found = [each for each in _listed(place) if each.name != SUMMARY]
    many = [one for each in found if (each / SUMMARY).is_file() for one in _listed(each) if _holds(one)]
    return [*many, *(each for each in found if _holds(each) or (each.is_file() and each.suffix in (".json", ".jsonl")))]


def _listed(place: Path) -> list[Path]:
    try:
        return [place / name for name in Local().listing(str(place.absolute()))]
    except Unobservable as error:
        raise CommandError(str(error)) from None


def _holds(place: Path) -> bool:
    return place.is_dir() and any((place / name).exists() for name in (BUNDLE, RESULT))


def _file(place: Path) -> Path:
    if not place.is_dir():
        return place
    return place / BUNDLE if (place / BUNDLE).exists() else place / RESULT
