# SPDX-License-Identifier: GPL-3.0-or-later
"""What seccomp/processes.yml promises of a running process, in the form in which /proc shows it.

Read from the manifest itself and not from what is generated of it, so that a mistake of the generator shows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

TREE: Final = Path(__file__).resolve().parents[2]
SUPERVISOR: Final = "supervisor"
CAPABILITIES: Final = {"CAP_NET_ADMIN": 12}
"""Numbers from <linux/capability.h> of those that processes keep after their start."""
SECCOMP_FILTER: Final = "2"

# Names of the limits in /proc/<pid>/limits.
_LIMITS: Final = {
    "CORE": "Max core file size",
    "NOFILE": "Max open files",
    "NPROC": "Max processes",
    "MEMLOCK": "Max locked memory",
    "AS": "Max address space",
    "STACK": "Max stack size",
}
# What `procs.child` and its event loop have open in every process.
_FRAME: Final = {"null": 1, "log": 2, "control": 1, "epoll": 1, "pair": 2}


@dataclass(frozen=True, slots=True)
class Sizes:
    """What there is one of something for: the words of the manifest's `open`."""

    slots: int
    threads: int
    listeners: int


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((TREE / "seccomp" / "processes.yml").read_text("utf-8"))
    return loaded


def children() -> dict[str, dict[str, Any]]:
    """Those that every gateway has; one that needs a backend is looked at where there is one (tests/interop)."""
    processes: dict[str, dict[str, Any]] = document()["processes"]
    return {name: entry for name, entry in processes.items() if name != SUPERVISOR and "when" not in entry}


def names(slots: int) -> list[str]:
    """Every process of a gateway with so many workers; those of which there are several with their slot."""
    return [
        each
        for name, entry in children().items()
        for each in ([f"{name}/{slot}" for slot in range(slots)] if entry["count"] == "slots" else [name])
    ]


def capability_sets(process: str) -> dict[str, str]:
    """All five sets: kept ones are permitted and effective, and nothing can be gained or handed on."""
    kept = sum(1 << CAPABILITIES[name] for name in children()[process]["capabilities"])
    held, none = f"{kept:016x}", f"{0:016x}"
    return {"CapPrm": held, "CapEff": held, "CapInh": none, "CapBnd": none, "CapAmb": none}


def limits(process: str, machine: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """All limits: those of the manifest, soft = hard, the rest as the supervisor has them (`machine`)."""
    expected = dict(machine)
    for word, value in children()[process]["rlimits"].items():
        name = _LIMITS[word]
        lowered = min(float(value), machine[name][1])
        expected[name] = (lowered, lowered)
    return expected


def descriptors(process: str, sizes: Sizes) -> Counter[str]:
    """How many open descriptors of each kind."""
    expected = Counter(_FRAME)
    for kind, count in children()[process].get("open", {}).items():
        expected[kind] += _count(count, sizes)
    for edge in document()["edges"]:
        if process in edge["between"]:
            other = next((end for end in edge["between"] if end != process), process)
            if other not in children():
                continue
            expected[f"{edge['kind']} {other}"] += _channels(process, other, edge, sizes)
    return +expected


def _count(count: int | Mapping[str, int], sizes: Sizes) -> int:
    if isinstance(count, int):
        return count
    each = {"fixed": 1, "slots": sizes.slots, "threads": sizes.threads, "listeners": sizes.listeners}
    return sum(number * each[word] for word, number in count.items())


def _channels(process: str, other: str, edge: Mapping[str, Any], sizes: Sizes) -> int:
    others = sizes.slots if children()[other]["count"] == "slots" else 1
    return others * (sizes.threads if edge.get("per_thread") else 1)


def unlimited(text: str) -> float:
    return math.inf if text == "unlimited" else float(text)
