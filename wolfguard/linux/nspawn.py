# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the first process of a container of systemd-nspawn by the container's name: by machinectl(1) where it keeps a
list, else by the command line of the systemd-nspawn that runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from wolfguard.errors import LocalError

_SECONDS: Final = 10.0
_PROGRAM: Final = "systemd-nspawn"


class NoContainerError(LocalError):
    """There is none of this name."""


def leader(name: str) -> int:
    """Its number here. Raises NoContainerError."""
    found = _listed(name) or next(_running(name), 0)
    if not found:
        raise NoContainerError(f"no container {name!r} runs here; `machinectl list` shows those that do")
    return found


def _listed(name: str) -> int:
    """0 where nobody keeps a list, or it is not in it."""
    command = ["machinectl", "show", name, "--property=Leader", "--value"]
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    told = result.stdout.strip()
    return int(told) if result.returncode == 0 and told.isdecimal() else 0


def _running(name: str) -> Iterator[int]:
    """First processes of the containers that root's systemd-nspawn has been told to call so."""
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdecimal() or folder.stat().st_uid != 0:
                continue
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if words[0].rsplit("/", 1)[-1] == _PROGRAM and _is_called(words, name):
                children = (folder / "task" / folder.name / "children").read_text().split()
                yield from map(int, children[:1])
        except OSError:
            continue  # it has ended meanwhile


def _is_called(words: list[str], name: str) -> bool:
    told = [after for before, after in pairwise(words) if before in ("-M", "--machine")]
    told += [word.partition("=")[2] for word in words if word.startswith("--machine=")]
    return name in told
