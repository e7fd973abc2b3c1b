# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference page is generated from the schema."""

from __future__ import annotations

from pathlib import Path

from wolfguard.records.reference import page
from wolfguard.records.schema import EVENTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "records.md"


def test_the_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text() == page(), "run `python -m wolfguard.records.reference` into docs/reference/records.md"


def test_every_event_is_on_the_page() -> None:
    assert all(f"### `{event.name}`" in page() for event in EVENTS)
