# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every child process: start, confinement, channels, reload and end, the same for all.

Owns the life of a process and its control channel. A process fills the frame by subclassing `Child`; its module ends
with `if __name__ == "__main__": sys.exit(run(Worker()))`. Until `prepare` has returned the process is already without
root and capabilities (its launcher saw to that), but not yet under its filter: everything that opens, connects or
imports belongs there. It hears nobody but the supervisor before it is confined.
"""

from __future__ import annotations

import abc
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import ClassVar, Final

from wolfguard.ipc.channel import Channel, Handler, Sender
from wolfguard.ipc.errors import IpcClosed, IpcError, IpcTimeout
from wolfguard.ipc.messages import Message
from wolfguard.procs import frame, log
from wolfguard.procs.frame import Started
from wolfguard.sandbox import learn

CONTROL_DESCRIPTOR: Final = 3

__all__ = ["Channel", "Child", "Handler", "IpcClosed", "IpcError", "IpcTimeout", "Sender", "Started", "run"]


class Child(abc.ABC):
    """What one process does. All methods run in the one asyncio loop of the process, never two of them at a time,
    but for `serve` and handlers, which run beside everything.

    `stopping` is set when the process shall end; `supervisor` is the control channel. Both stand before `prepare`.
    """

    process: ClassVar[str]
    stopping: asyncio.Event
    supervisor: Channel

    async def prepare(self, start: Started) -> None:  # noqa: B027 - nothing to open is a fair choice
        """Opens, loads and imports everything, before the sandbox. LocalError ends the start with its text."""

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What `prepare` did for the confinement of this process beyond the sandbox, as (name, value) pairs."""
        return ()

    async def serve(self) -> None:
        """The work after the sandbox; its return ends the process."""
        await self.stopping.wait()

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        """A handler for each message that `peer` may send here (see seccomp/processes.yml)."""
        return {}

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:  # noqa: B027
        """A channel to another process stands; it replaces an older one to the same `peer` and `slot`."""

    async def detached(self, peer: str, slot: int) -> None:  # noqa: B027
        """The channel given with `attached` has ended; a new one comes when the other process is back."""

    async def ended(self, peer: str, slot: int, asked: bool) -> None:  # noqa: B027
        """The other process itself has ended, before or after its channel; `asked`: it was told to."""

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        """A channel that is not for messages stands, number `index` of those with this peer and slot. Owns `fd`."""
        os.close(fd)

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        """Takes what can change while running; returns the site file's keys whose change waits for a restart."""
        return ()

    async def stop(self, drain: bool) -> None:  # noqa: B027
        """Before the end. `drain`: so that clients come back; else say goodbye."""


def run(child: Child) -> int:
    """Lives the whole life of the process; returns its exit status (0 after an orderly stop)."""
    log.start(child.process)
    # Before there is anything to inherit: keys, threads, the loop.
    watcher = learn.start(CONTROL_DESCRIPTOR) if learn.wanted() else None
    # The supervisor alone decides about the end; a Ctrl-C in the terminal reaches it too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=CONTROL_DESCRIPTOR)
    control.set_inheritable(False)
    with asyncio.Runner() as runner:
        status = runner.run(frame.live(child, control, watcher))
    sys.stderr.flush()
    return status
