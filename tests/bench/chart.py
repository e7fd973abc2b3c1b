# SPDX-License-Identifier: GPL-3.0-or-later
"""Bar charts of benchmark results: reads what `bench --json` wrote, writes SVG files for docs/benchmarks.md.

Owns which figures make a chart and how it looks. A bar for us, a bar for ocserv, the value on each; nothing that needs
scripts, fonts or a light background to be seen. A chart whose figures a run does not have is left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

OURS, THEIRS = "wolfguard", "ocserv"
COLOURS = {OURS: "#1f5fa8", THEIRS: "#8d99a6"}
INK, PAPER, LINE = "#1b1f24", "#ffffff", "#d0d7de"
FONT = "font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\""
WIDTH, LEFT, RIGHT = 720, 150, 90
TOP, BAR, GAP, BETWEEN = 74, 20, 4, 18


@dataclass(frozen=True, slots=True)
class Row:
    """A label and the names of two figures."""

    label: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`better` tells which way is good, in words."""

    file: str
    title: str
    unit: str
    better: str
    rows: tuple[Row, ...]
    digits: int = 2


def _both(label: str, stem: str) -> Row:
    return Row(label, f"{OURS}_{stem}", f"{THEIRS}_{stem}")


_CHANNELS = tuple((f"{name.upper()} {way}", f"{name}_{way}") for name in ("dtls", "tls") for way in ("up", "down"))
CHARTS = (
    Chart(
        "cpu.svg", "CPU of the server for a gigabyte", "CPU seconds per GB", "less is better",
        tuple(_both(label, f"{stem}_cpu") for label, stem in _CHANNELS),
    ),
    Chart(
        "rate.svg", "One TCP stream, all ends on one machine", "Gbit/s", "more is better",
        tuple(_both(label, f"{stem}_rate") for label, stem in _CHANNELS),
    ),
    Chart(
        "rtt.svg", "Round trip added by an idle tunnel", "ms", "less is better",
        tuple(_both(name.upper(), f"{name}_rtt_added_ms") for name in ("dtls", "tls")), digits=3,
    ),
    Chart(
        "small-packets.svg", "64-byte packets over DTLS", "packets per second", "more is better",
        tuple(_both(f"DTLS {way}", f"{way}_packets_per_second_64") for way in ("up", "down")), digits=0,
    ),
    Chart(
        "memory.svg", "Memory of an idle session", "KiB", "less is better",
        (Row("TLS and DTLS", "session_kib", "ocserv_session_kib"),), digits=1,
    ),
)  # fmt: skip


def draw(chart: Chart, values: Mapping[str, float]) -> str:
    """The chart as an SVG document; every figure that it names must be there."""
    largest = max(values[name] for row in chart.rows for name in (row.ours, row.theirs))
    scale = (WIDTH - LEFT - RIGHT) / largest if largest > 0 else 0.0
    step = 2 * BAR + GAP + BETWEEN
    height = TOP + len(chart.rows) * step
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" {FONT} font-size="14" fill="{INK}">',
        f"<title>{escape(chart.title)}</title>",
        f"<desc>{escape(_in_words(chart, values))}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        f'<text x="16" y="28" font-size="17" font-weight="600">{escape(chart.title)}</text>',
        f'<text x="16" y="50">{escape(f"{chart.unit}, {chart.better}")}</text>',
        *_legend(),
        f'<line x1="{LEFT}" y1="{TOP - 8}" x2="{LEFT}" y2="{height - 10}" stroke="{LINE}"/>',
    ]
    for number, row in enumerate(chart.rows):
        top = TOP + number * step
        parts.append(f'<text x="{LEFT - 12}" y="{top + BAR + 7}" text-anchor="end">{escape(row.label)}</text>')
        parts += _bar(top, values[row.ours], scale, COLOURS[OURS], chart.digits)
        parts += _bar(top + BAR + GAP, values[row.theirs], scale, COLOURS[THEIRS], chart.digits)
    return "\n".join([*parts, "</svg>", ""])


def _bar(top: int, value: float, scale: float, colour: str, digits: int) -> list[str]:
    # a value below zero, as noise makes of an added delay, has no bar but its number
    long = max(value * scale, 0.0)
    return [
        f'<rect x="{LEFT}" y="{top}" width="{long:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{LEFT + long + 6:.1f}" y="{top + BAR - 5}">{_number(value, digits)}</text>',
    ]


def _legend() -> list[str]:
    parts = []
    for number, (name, colour) in enumerate(COLOURS.items()):
        left = WIDTH - 220 + number * 112
        parts.append(f'<rect x="{left}" y="16" width="14" height="14" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{left + 20}" y="28">{name}</text>')
    return parts


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _in_words(chart: Chart, values: Mapping[str, float]) -> str:
    """For those who cannot see it."""
    told = (
        f"{row.label}: {OURS} {_number(values[row.ours], chart.digits)}, "
        f"{THEIRS} {_number(values[row.theirs], chart.digits)}"
        for row in chart.rows
    )
    return f"{chart.unit}; {chart.better}. {'; '.join(told)}."


def write(figures: Sequence[Mapping[str, object]], folder: Path) -> list[Path]:
    """Every chart whose figures are all there."""
    values = {str(each["name"]): float(str(each["value"])) for each in figures}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chart in CHARTS:
        if all(name in values for row in chart.rows for name in (row.ours, row.theirs)):
            (folder / chart.file).write_text(draw(chart, values))
            written.append(folder / chart.file)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("results", nargs="+", type=Path, help="files that `bench --json` wrote")
    parser.add_argument("--into", type=Path, default=Path(__file__).resolve().parents[2] / "docs" / "benchmarks")
    options = parser.parse_args()
    figures = [figure for path in options.results for figure in json.loads(path.read_text())]
    for path in write(figures, options.into):
        print(path)


if __name__ == "__main__":
    main()
