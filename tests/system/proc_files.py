# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says about a process: status, limits, mappings. Reads and sorts, expects nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.system.manifest import unlimited


@dataclass(frozen=True, slots=True)
class Mapping:
    """One line of maps. `path` is empty for memory without a name, in brackets for the kernel's own; `flags` are the
    two-letter words of smaps where they were asked for."""

    start: int
    end: int
    permissions: str
    path: str
    flags: frozenset[str] = frozenset()

    @property
    def writable(self) -> bool:
        return "w" in self.permissions

    @property
    def executable(self) -> bool:
        return "x" in self.permissions

    @property
    def shared(self) -> bool:
        return "s" in self.permissions

    @property
    def locked(self) -> bool:
        return "lo" in self.flags


def status(pid: int, thread: int | None = None) -> dict[str, str]:
    folder = Path(f"/proc/{pid}") if thread is None else Path(f"/proc/{pid}/task/{thread}")
    lines = (folder / "status").read_text("ascii", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def threads(pid: int) -> list[int]:
    return sorted(int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())


def limits(pid: int) -> dict[str, tuple[float, float]]:
    """Soft and hard."""
    lines = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()[1:]
    found = {}
    for line in lines:
        name, soft, hard = re.split(r"\s{2,}", line.strip())[:3]
        found[name] = (unlimited(soft), unlimited(hard))
    return found


_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")


def mappings(pid: int) -> list[Mapping]:
    """With flags."""
    found: list[Mapping] = []
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8", "surrogateescape").splitlines():
        if match := _LINE.fullmatch(line):
            start, end, permissions, path = match.groups()
            found.append(Mapping(int(start, 16), int(end, 16), permissions, path))
        elif line.startswith("VmFlags:"):
            last = found[-1]
            found[-1] = Mapping(last.start, last.end, last.permissions, last.path, frozenset(line.split()[1:]))
    return found


def namespaces(pid: int) -> dict[str, str]:
    return {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{pid}/ns").iterdir()}


def environment(pid: int) -> set[str]:
    """Names of the variables."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return {entry.partition(b"=")[0].decode() for entry in entries if entry}


def dumpable(pid: int) -> bool:
    """The files of a process that may not be dumped or traced belong to root, whoever the process is."""
    owner = Path(f"/proc/{pid}/fd").stat().st_uid
    return owner == int(status(pid)["Uid"].split()[1])
