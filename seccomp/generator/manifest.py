# SPDX-License-Identifier: GPL-3.0-or-later
"""seccomp/processes.yml as checked objects.

Owns the reading and the checks that a schema cannot make: names that must exist, edges that messages need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cerberus  # type: ignore[import-untyped]

from generator.document import load

SUPERVISOR: Final = "supervisor"

CAPABILITIES: Final = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
}
"""Numbers from <linux/capability.h> of those that the manifest names."""


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    purpose: str
    user: str
    per_slot: bool
    stage: int
    when: str
    hears: str
    capabilities: tuple[str, ...]
    filter: str
    selinux: str
    read: tuple[str, ...] | None
    write: tuple[str, ...] | None
    connect: tuple[str, ...]
    rlimits: tuple[tuple[str, int], ...]
    descriptors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    first: str
    second: str
    kind: str
    yields: str
    per_thread: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One permitted message: `states` and `descriptors` as in `wolfguard.ipc.dispatch`."""

    sender: str
    receiver: str
    message: str
    states: tuple[str, ...]
    descriptors: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    processes: tuple[Process, ...]
    edges: tuple[Edge, ...]
    lines: tuple[Line, ...]

    @property
    def children(self) -> tuple[Process, ...]:
        return tuple(process for process in self.processes if process.name != SUPERVISOR)


def read_manifest(folder: Path) -> Manifest:
    """Raises ValueError that says what is wrong where."""
    schema = load(folder / "schema.yml")
    document = load(folder / "processes.yml")
    validator = cerberus.Validator(schema)
    if not validator.validate(document):
        raise ValueError(f"processes.yml: {validator.errors}")
    processes = tuple(_process(name, entry) for name, entry in document["processes"].items())
    names = {process.name for process in processes}
    edges = tuple(_edge(entry, names) for entry in document["edges"])
    lines = tuple(line for entry in document["messages"] for line in _lines(entry, processes))
    _check_lines(lines, edges)
    return Manifest(processes, edges, lines)


def _process(name: str, entry: Mapping[str, Any]) -> Process:
    unknown = [capability for capability in entry["capabilities"] if capability not in CAPABILITIES]
    if unknown:
        raise ValueError(f"processes.yml: {name}: no number is known for {unknown[0]}")
    landlock = entry.get("landlock")
    return Process(
        name,
        entry["purpose"],
        entry["user"],
        entry["count"] == "slots",
        entry["stage"],
        entry.get("when", ""),
        entry["hears"],
        tuple(entry["capabilities"]),
        entry["filter"],
        entry["selinux"],
        tuple(landlock["read"]) if landlock is not None else None,
        tuple(landlock["write"]) if landlock is not None else None,
        tuple(landlock.get("connect", ())) if landlock is not None else (),
        tuple(sorted(entry["rlimits"].items())),
        tuple(entry["descriptors"]),
    )


def _edge(entry: Mapping[str, Any], names: set[str]) -> Edge:
    first, second = entry["between"]
    for name in (first, second):
        if name not in names or name == SUPERVISOR:
            raise ValueError(f"processes.yml: edges: {name} is no child process")
    if entry["yields"] not in (first, second):
        raise ValueError(f"processes.yml: edge {first}-{second}: {entry['yields']} is not at its ends")
    return Edge(first, second, entry["kind"], entry["yields"], entry.get("per_thread", False))


def _lines(entry: Mapping[str, Any], processes: tuple[Process, ...]) -> list[Line]:
    children = [process.name for process in processes if process.name != SUPERVISOR]
    known = {SUPERVISOR, *children}
    senders = children if entry["from"] == "children" else [entry["from"]]
    receivers = children if entry["to"] == "children" else [entry["to"]]
    for name in (*senders, *receivers):
        if name not in known:
            raise ValueError(f"processes.yml: messages: {name} is no process")
    return [
        Line(sender, receiver, message, tuple(entry["in"]), entry.get("descriptors", False))
        for sender in senders
        for receiver in receivers
        for message in entry["send"]
    ]


def _check_lines(lines: tuple[Line, ...], edges: tuple[Edge, ...]) -> None:
    joined = {frozenset((edge.first, edge.second)) for edge in edges if edge.kind == "ipc"}
    seen: set[tuple[str, str, str]] = set()
    for line in lines:
        pair = frozenset((line.sender, line.receiver))
        if SUPERVISOR not in pair and pair not in joined:
            raise ValueError(f"processes.yml: messages: no edge joins {line.sender} and {line.receiver}")
        if SUPERVISOR not in pair and line.states != ("serving",):
            raise ValueError(f"processes.yml: messages: {line.sender} to {line.receiver} knows only 'serving'")
        key = (line.sender, line.receiver, line.message)
        if key in seen:
            raise ValueError(f"processes.yml: messages: {line.message} from {line.sender} stands twice")
        seen.add(key)
