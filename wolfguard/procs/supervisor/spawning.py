# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the program of one process: its launcher, with the descriptors 0 to 3 and nothing else.

Owns the file names of launchers and how a process is executed. What a process becomes is the launcher's work.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from wolfguard.errors import StartError
from wolfguard.linux import labels
from wolfguard.procs.supervisor.installed import Program

CONTROL_DESCRIPTOR = 3


class Launch(Protocol):
    """How the program of a process is started."""

    def command(self, process: str, slot: int | None) -> tuple[str, ...]:
        """Path of the program and its arguments; `slot` for a process of which there is one for each."""
        ...

    @property
    def program(self) -> Program:
        """What is started from now on; may be set."""
        ...

    @program.setter
    def program(self, program: Program) -> None: ...


class Launchers:
    """Those of a program. `learn`: processes whose filters log instead of killing."""

    def __init__(self, program: Program, learn: Collection[str] = ()) -> None:
        self.program = program
        self._learn = learn

    def command(self, process: str, slot: int | None) -> tuple[str, ...]:
        path = self.program.launchers / f"wolfguard-{process}"
        if not path.is_file():
            raise StartError(f"there is no launcher {path}; install the package again")
        place = [] if slot is None else [str(slot)]
        return (str(path), self.program.python, *place, *(["log"] if process in self._learn else []))


def installed_launchers() -> Path:
    """Beside the native extension, which is looked for but not loaded. Raises StartError."""
    specification = importlib.util.find_spec("wolfguard._native")
    if specification is None or specification.origin is None:
        raise StartError("wolfguard's native extension is not installed; install the package again")
    return Path(specification.origin).parent / "libexec"


def spawn(command: tuple[str, ...], label: labels.Label) -> tuple[int, int, socket.socket]:
    """Pid, pidfd and the supervisor's end of the control channel, which has this label. Raises StartError."""
    with labels.sockets(label):
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Standard output joins the log: whatever a library prints must not mix with the caller's own output.
        pid = os.posix_spawn(
            command[0],
            command,
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, 2, 1),
                (os.POSIX_SPAWN_DUP2, other.fileno(), CONTROL_DESCRIPTOR),
            ],
            # A group of its own, so that a Ctrl-C in the terminal reaches the supervisor alone.
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE],
        )
    except OSError as error:
        own.close()
        raise StartError(f"cannot execute {command[0]}: {error.strerror}") from error
    finally:
        os.close(null)
        other.close()
    return pid, os.pidfd_open(pid), own
