# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal's words and the canonical JSON of a made-up audit: their form, and that hostile text stays text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.audit.report.made_up import HOSTILE, made_up
from wolfguard.audit.report import json as json_report
from wolfguard.audit.report import terminal
from wolfguard.audit.result import State

GOLDEN = Path(__file__).parent / "golden"


def text() -> str:
    return "".join(f"{line}\n" for line in terminal.render(made_up(), everything=True))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("report.txt", lambda: text().encode()),
        ("result.json", lambda: json_report.encode(made_up())),
    ],
)
def test_golden(name: str, made: object) -> None:
    """To renew after a wanted change: write what `made` gives into the file, and read the difference."""
    assert callable(made)
    assert made() == (GOLDEN / name).read_bytes()


def test_the_terminal_sees_no_control_character() -> None:
    assert all(char.isprintable() or char == "\n" for char in text())
    assert "\\x1b[2J" in text()


def test_passes_are_printed_only_on_demand() -> None:
    short = "\n".join(terminal.render(made_up()))
    assert "tls/refuses-tls11" not in short
    assert "auth/ssh-no-root" not in short
    assert "do: Stop what should not listen" in short
    assert "accepted by J. Doe until 2026-12-31" in short


def test_json_has_every_state_and_the_same_bytes_for_the_same_audit() -> None:
    document = json.loads(json_report.encode(made_up()))
    assert document["counts"] == {state.value: 2 if state is State.FAIL else 1 for state in State}
    assert document["findings"][2]["observed"] == [HOSTILE]
    assert json_report.encode(made_up()) == json_report.encode(made_up())
    assert json_report.encode(made_up()) != json_report.encode(made_up("gateway-2"))
