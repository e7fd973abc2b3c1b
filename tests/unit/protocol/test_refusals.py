# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of refusals is whole."""

from __future__ import annotations

import re
from pathlib import Path

from wolfguard.protocol import refusals

SOURCES = sorted(Path(refusals.__file__).parent.glob("*.py"))
FRAMES = {"frame_short", "frame_magic", "frame_length", "frame_type"}
"""Labels of the reference reader of frames: they never meet HTTP."""


def test_every_label_in_use_is_in_the_table_and_the_other_way_round() -> None:
    used = {label for path in SOURCES for label in re.findall(r'PeerError\(\s*"([a-z_]+)"', path.read_text())}
    events = {"too_busy", "unavailable"}
    assert used - FRAMES == refusals.REFUSALS.keys() - events


def test_every_status_has_a_phrase() -> None:
    assert set(refusals.REFUSALS.values()) <= refusals.REASON_PHRASES.keys()
