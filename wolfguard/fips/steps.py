# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of the verdict: levels, outcomes, one step with its evidence, and the limits that a site may set."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.IntEnum):
    """What may be said of the module; the higher includes the lower."""

    NONE = 0
    EVAL = 1
    BUNDLE = 2
    VALIDATED = 3


class Outcome(enum.Enum):
    """UNKNOWN: nobody could look. ERROR: what was looked at cannot be trusted, so that nothing follows from it."""

    MET = "met"
    UNMET = "not met"
    UNKNOWN = "unknown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Step:
    """`level` is the one that needs it; `evidence` is what was seen, as a sentence or a value."""

    name: str
    level: Level
    outcome: Outcome
    evidence: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Days: the age of the snapshot that warns and the one that makes it useless, and the rest of a certificate's life
    that warns."""

    stale_days: int = 92
    refuse_days: int = 366
    sunset_days: int = 180


def met(good: bool) -> Outcome:
    return Outcome.MET if good else Outcome.UNMET
