# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of none, eval, bundle and validated may be said, step by step. Pure: facts in, verdict out.

Each step belongs to a level, and a level is reached when every step of it and of those below it is met. What could not
be looked at is not met. "validated" is a claim about this machine today: FIPS 140-3 certificates hold for a version of
a module in a listed operating environment, until their sunset, under their caveats.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from wolfguard.fips import dated, module_steps
from wolfguard.fips.facts import Facts
from wolfguard.fips.steps import Level, Limits, Outcome, Step


class Requirement(enum.Enum):
    """Whether a level that somebody requires is reached."""

    MET = "met"
    UNMET = "not met"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`steps` are all of them in order, met or not; `warnings` are sentences about what will not hold for long."""

    level: Level
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    @property
    def undecided(self) -> bool:
        """Whether the level above was kept from being judged by an error, such as a clock that cannot be trusted."""
        above = [step for step in self.steps if step.level == self.level + 1]
        return any(step.outcome is Outcome.ERROR for step in above)

    def requirement(self, level: Level) -> Requirement:
        """UNDECIDED when nothing speaks against `level` but something could not be looked at."""
        if self.level >= level:
            return Requirement.MET
        outcomes = {step.outcome for step in self.steps if step.level <= level}
        return Requirement.UNMET if Outcome.UNMET in outcomes else Requirement.UNDECIDED


def judge(facts: Facts, limits: Limits) -> Verdict:
    """The highest level of which every step is met."""
    steps = (*module_steps.steps(facts), *dated.steps(facts, limits))
    return Verdict(_level(steps), steps, tuple(_warnings(facts, limits)))


def _level(steps: tuple[Step, ...]) -> Level:
    missed = [step.level for step in steps if step.outcome is not Outcome.MET]
    return Level(min(missed) - 1) if missed else Level.VALIDATED


def _warnings(facts: Facts, limits: Limits) -> Iterator[str]:
    if facts.clock.synchronized is not True:
        yield f"dates are not judged: {facts.clock.evidence}"
        return
    if facts.snapshot is None:
        return
    age = (facts.clock.today - facts.snapshot.taken).days
    if age > limits.stale_days:
        yield f"the list of certificates is {age} days old, more than {limits.stale_days}: replace it with a newer one"
    declared = facts.declaration and facts.snapshot.certificate(facts.declaration.certificate)
    if declared and declared.sunset:
        left = (declared.sunset - facts.clock.today).days
        if 0 <= left <= limits.sunset_days:
            yield f"certificate {declared.number} ends in {left} days, on {declared.sunset}: plan its successor"
