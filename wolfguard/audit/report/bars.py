# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of the page: one bar of states as inline SVG, said in words for who does not see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup, escape

from wolfguard.audit.report.texts import STATES
from wolfguard.audit.result import State

ORDER: Final = (State.FAIL, State.ERROR, State.WAIVED, State.MANUAL, State.PASS, State.NOT_APPLICABLE)
"""The worst first."""
WIDTH: Final = 600
LEAST: Final = 4.0
"""Units of width that one finding gets however many there are: a single failure must be seen."""
_GAP: Final = 2.0


def bar(counts: Mapping[State, int], height: int = 16, label: str = "") -> Markup:
    """A stacked bar as wide as its place. `label` says of what."""
    present = [(state, counts[state]) for state in ORDER if counts[state]]
    words = ", ".join(f"{STATES[state].lower()}: {count}" for state, count in present) or "nothing"
    if label:
        words = f"{label}: {words}"
    whole = sum(count for _, count in present)
    free = WIDTH - LEAST * len(present) - _GAP * max(len(present) - 1, 0)
    parts: list[Markup] = []
    left = 0.0
    for state, count in present:
        width = LEAST + free * count / whole
        shape = Markup('<rect class="f-{}" x="{}" y="0" width="{}" height="{}"/>')
        parts.append(shape.format(state.value, round(left, 2), round(width, 2), height))
        left += width + _GAP
    head = Markup('<svg class="bar" role="img" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-label="{}">').format(
        WIDTH, height, escape(words)
    )
    return head + Markup("<title>{}</title>").format(words) + Markup("").join(parts) + Markup("</svg>")
