# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, times and tables for people."""

from __future__ import annotations

import pytest

from wolfguard.cli import output


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (7 * 1024**3, "7.0 GiB"),
        (2**63, "8192.0 PiB"),
    ],
)
def test_size(octets: int, text: str) -> None:
    assert output.size(octets) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h"), (86460, "1 d 1 min")],
)
def test_span(seconds: int, text: str) -> None:
    assert output.span(seconds) == text


def test_moment() -> None:
    assert output.moment(0) == "-"
    assert output.moment(1_782_864_000) == "2026-07-01 00:00:00"


def test_count() -> None:
    assert [output.count(number, "entry", "entries") for number in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]


def test_table() -> None:
    assert output.table(("name", "n"), [("a", 1), ("", 22)], right=("n",)) == ["name   n", "a      1", "-     22"]


def test_text_of_strangers_does_not_reach_the_terminal_as_it_is() -> None:
    assert output.plain("a\x1b[31m\nb") == "a\\x1b[31m\\nb"
