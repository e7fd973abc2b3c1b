# SPDX-License-Identifier: GPL-3.0-or-later
"""How commands print: aligned plain text for people, JSON for programs. Pure but for the two `print_` functions.

No colour, so that nothing has to be switched off. Text from users or clients never reaches the terminal with its
control characters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)


def plain(text: object) -> str:
    """Text as one line that a terminal shows and does not obey; "-" for nothing."""
    shown = str(text) if text not in (None, "") else "-"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in shown)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> list[str]:
    """Columns as wide as their widest cell; those named in `right` are aligned to the right."""
    cells = [list(head), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def pairs(rows: Sequence[tuple[str, object]], indent: int = 0) -> list[str]:
    """Name and value, values under each other."""
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{' ' * indent}{name.ljust(width)}  {plain(value)}" for name, value in rows]


def count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def size(octets: int) -> str:
    """Bytes in the largest unit that leaves at least one."""
    value = float(octets)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def moment(seconds: int) -> str:
    """A Unix time in UTC; "-" for never."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else "-"


def span(seconds: int) -> str:
    """A length of time in its two largest units."""
    parts: list[str] = []
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, seconds = divmod(max(seconds, 0), unit)
        if number:
            parts.append(f"{number} {name}")
    return " ".join(parts[:2]) or "0 s"
