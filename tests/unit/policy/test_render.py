# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile's text is compared with a snapshot: whoever changes a profile sees the change in review."""

from __future__ import annotations

from pathlib import Path

import pytest

from wolfguard.policy.load import profile_names, read_profile
from wolfguard.policy.render import render

SNAPSHOTS = Path(__file__).parents[3] / "docs" / "reference" / "profiles"


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_is_as_it_was_reviewed(name: str) -> None:
    assert render(read_profile(name)) == (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8")


def test_every_snapshot_has_its_profile() -> None:
    assert sorted(file.stem for file in SNAPSHOTS.glob("*.txt")) == list(profile_names())
