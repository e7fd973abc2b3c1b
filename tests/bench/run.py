# SPDX-License-Identifier: GPL-3.0-or-later
"""`./bootstrap bench NAME [--json FILE]`: runs one benchmark and prints a table or writes a list of figures.

Owns the choice and the printing. Each benchmark is a module of this folder with `run(rounds) -> list[Figure]`, and with
ROUNDS where it needs more of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from pathlib import Path

# last, so that the installed package is measured, with its native part
sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.bench.figure import Figure

NAMES = ("tunnel", "sessions", "confinement", "auth", "selftest", "handshakes", "audit")
ROUNDS = 5


def table(figures: list[Figure]) -> str:
    """Plain columns: name, value, unit, goal, whether it is met."""
    rows = [("name", "value", "unit", "goal", "")]
    rows += [(each.name, f"{each.value:.3f}", each.unit, each.goal, each.verdict()) for each in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    padded = [[cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)] for row in rows]
    lines = ["  ".join(cells) for cells in padded]
    conditions = sorted({each.conditions for each in figures})
    return "\n".join([*lines, "", *conditions])


def main() -> int:
    parser = argparse.ArgumentParser(prog="bootstrap bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON")
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS}; confinement 10)")
    options = parser.parse_args()
    module = importlib.import_module(f"tests.bench.{options.name}")
    figures: list[Figure] = module.run(options.rounds or getattr(module, "ROUNDS", ROUNDS))
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(each) for each in figures], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
