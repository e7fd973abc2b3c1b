# SPDX-License-Identifier: GPL-3.0-or-later
"""A measured figure, and the CPU time that a tree of processes has used."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` is text such as "<= 0.6", or empty when the figure is only reported."""

    name: str
    value: float
    unit: str
    goal: str
    conditions: str

    def verdict(self) -> str:
        if not self.goal:
            return ""
        relation, bound = self.goal.split()
        met = self.value <= float(bound) if relation == "<=" else self.value >= float(bound)
        return "met" if met else "MISSED"


def machine() -> str:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    model = next(models, platform.processor())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def descendants(root: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of living processes so far, their ended children included."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS
