# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe brings back: what it saw, that it saw that there is none, or that it could not look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wolfguard.errors import WolfguardError
from wolfguard.policy.expect import Value

Seen = Mapping[str, Value]


class Unobservable(WolfguardError):  # noqa: N818 - it becomes a finding
    """A probe could not look, and says why. Never the same as having seen that something is not there."""


@dataclass(frozen=True, slots=True)
class Observation:
    """`seen` is None where there is none; then `problem` is empty. `problem`: why nobody could look. `unseen`: the
    same for single parts, by their keys joined with "/". `source` says where the probe looked. No secret is in any of
    it."""

    seen: Seen | None
    source: str
    problem: str = ""
    unseen: Mapping[str, str] = field(default_factory=dict)

    def problem_of(self, key: tuple[str, ...]) -> str:
        """Why nobody could look at this part; empty where somebody did."""
        return self.problem or self.unseen.get("/".join(key), "")

    def part(self, key: tuple[str, ...]) -> Value:
        """What is at `key`; None where there is none."""
        found: Value = self.seen
        for name in key:
            if not isinstance(found, Mapping):
                return None
            found = found.get(name)
        return found
