# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of the gateway is installed now, and whether this supervisor can start its processes.

Versions stand side by side, each in a folder of its own below `versions`, and the link `current` beside that folder
names the one to run. Who has no such folder around him is the only version. A supervisor can start the processes of
another version when every module that it has loaded itself is in there byte for byte: then messages, manifest and
configuration are the same as well. Must not know how processes are replaced.
"""

from __future__ import annotations

import importlib.metadata
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from wolfguard.errors import LocalError

DISTRIBUTION: Final = "wolfguard-gateway"
PACKAGE: Final = "wolfguard"
VERSIONS: Final = "versions"
CURRENT: Final = "current"
NAMED_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Program:
    """What processes are made of: the folder of their launchers, and the interpreter that these execute."""

    launchers: Path
    python: str
    version: str


def version(packages: Path | None = None) -> str:
    """Of the package in a folder of packages, or of the one that runs."""
    try:
        if packages is None:
            return importlib.metadata.version(DISTRIBUTION)
        (found,) = importlib.metadata.Distribution.discover(name=DISTRIBUTION, path=[str(packages)])
        return found.version
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return "not installed"


def own(launchers: Path) -> Program:
    """The version that this process runs itself."""
    return Program(launchers, sys.executable, version())


def installed(own: Program, prefix: Path, since: float, modules: Iterable[ModuleType]) -> Program:
    """The version to run now, for a supervisor of version `own` that has loaded `modules` from below `prefix` by the
    time `since`.

    Raises LocalError where there is none, where others than root could have written it, or where it needs another
    supervisor.
    """
    place = _current(prefix)
    launchers = place / own.launchers.relative_to(prefix)
    python = place / Path(own.python).relative_to(prefix)
    differing = list(_differing(modules, prefix, place, since))
    if differing:
        named = ", ".join(differing[:NAMED_MOST]) + (", ..." if len(differing) > NAMED_MOST else "")
        raise LocalError(
            f"the installed version needs another supervisor ({named}): end the gateway with `wolfguard stop "
            "--keep-sessions` and start it again"
        )
    for path in (place, launchers, *sorted(launchers.iterdir())):
        _require_roots(path)
    return Program(launchers, str(python), version(launchers.parents[1]))


def _current(prefix: Path) -> Path:
    if prefix.parent.name != VERSIONS:
        return prefix
    link = prefix.parent.parent / CURRENT
    try:
        found = link.resolve(strict=True)
    except OSError as error:
        raise LocalError(f"cannot follow {link}: {error.strerror}; install the version to run again") from error
    if found.parent != prefix.parent:
        raise LocalError(f"{link} leads to {found}, which is not in {prefix.parent}; install the version to run again")
    return found


def _differing(modules: Iterable[ModuleType], prefix: Path, place: Path, since: float) -> Iterator[str]:
    """Names of those that are other files there, or that were written after they were loaded."""
    for module in modules:
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).is_relative_to(prefix):
            continue
        other = place / Path(file).relative_to(prefix)
        try:
            if other == Path(file):
                same = os.stat(file).st_ctime <= since
            else:
                same = other.read_bytes() == Path(file).read_bytes()
        except OSError:
            same = False
        if not same:
            yield module.__name__


def _require_roots(path: Path) -> None:
    status = os.lstat(path)
    if status.st_uid != 0 or (not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o022):
        raise LocalError(f"{path} can be written by others than root; install the version again")
