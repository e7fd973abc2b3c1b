# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of the manifest at run time; its content is generated into `sandbox.processes`, its filters lie beside."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from wolfguard.errors import StartError


@dataclass(frozen=True, slots=True)
class Landlock:
    """Folders that may be read, and those that may be read and written; nothing else of the file system.

    `connect`: words for TCP ports that may be connected to; no other, where the kernel knows them.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    connect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """One process of seccomp/processes.yml. `capabilities` are numbers; `landlock` None means no Landlock rules; `when`
    names a type of backends, without one of which it is not started."""

    name: str
    user: str
    per_slot: bool
    stage: int
    when: str
    capabilities: tuple[int, ...]
    filter: str
    landlock: Landlock | None
    descriptors: tuple[str, ...]


def filter_program(name: str, machine: str | None = None) -> bytes:
    """The compiled seccomp filter for this machine, as it lies there. Raises StartError when there is none."""
    file = f"{name}.{machine or platform.machine()}.bpf"
    path = data_file(file)
    if path is None:
        raise StartError(f"no seccomp filter {file}: install the package for this machine, or run seccomp/generate")
    return path.read_bytes()


def data_file(name: str) -> Path | None:
    """A generated file that comes with the package, None where it is missing."""
    package = Path(__file__).parent
    # Installed, they are data of this package; in a source tree they lie where the generator writes them.
    for folder in (package / "data", package.parents[1] / "seccomp" / "generated"):
        if (folder / name).is_file():
            return folder / name
    return None
