# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema of events is sound."""

from __future__ import annotations

import re

from wolfguard.records.schema import BOOLEAN, BY_NAME, COMMON, EVENTS, FAILURE, INTEGER, STRING, SUCCESS


def test_names_are_unique_and_well_formed() -> None:
    assert len(BY_NAME) == len(EVENTS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", event.name) for event in EVENTS)


def test_every_event_can_be_written() -> None:
    for event in EVENTS:
        assert event.outcomes
        assert set(event.outcomes) <= {SUCCESS, FAILURE}
        assert event.severity in ("info", "notice", "warning", "error")
        names = [field.name for field in event.fields]
        assert len(set(names)) == len(names)
        assert not set(names) & {field.name for field in COMMON}
        assert all(field.kind in (STRING, INTEGER, BOOLEAN) for field in event.fields)
        assert all(field.meaning for field in event.fields)
