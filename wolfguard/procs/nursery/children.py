# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers as the nursery's children: forked, ended, reaped, with everything that they leave behind.

Owns process ids. A helper's end shows to pam as the end of its socket. Programs that modules leave behind when they
are ended come to the nursery (it is their subreaper), which ends them too: a helper takes all of its own along.
When pam has gone, helpers have a moment for closing sessions; those of the pam that follows have numbers of their own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NoReturn

from wolfguard.linux import orphans

PR_SET_PDEATHSIG: Final = 1
FIRST_OF_OURS: Final = 3
"""Below it are the standard streams."""
LEAVE_SECONDS: Final = 12.0
"""More than pam gives a helper that closes a session."""


class Children:
    """`work` is a helper's whole life, on its socket. Must be made in a running loop."""

    def __init__(self, work: Callable[[socket.socket], None]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._pids: dict[int, int] = {}
        self._living: set[int] = set()
        self._changed = asyncio.Event()
        orphans.adopt()

    def __len__(self) -> int:
        return len(self._living)

    def begin(self, number: int, sock: socket.socket) -> None:
        """Forks a helper; takes the socket over. Raises OSError."""
        parent = os.getpid()
        with sock:
            pid = os.fork()
            if pid == 0:
                _live_apart(parent, sock, self._work)
        pidfd = os.pidfd_open(pid)
        self._pids[number] = pid
        self._living.add(pid)
        self._loop.add_reader(pidfd, self._reap, pidfd, number, pid)

    def end(self, number: int) -> None:
        """Kills the helper; one that has ended already is no matter."""
        pid = self._pids.get(number)
        if pid is not None:
            self._kill((pid,))

    def leave(self) -> None:
        """Nobody speaks to these any more: they end by themselves, or after LEAVE_SECONDS."""
        leaving = tuple(self._living)
        self._pids.clear()
        self._loop.call_later(LEAVE_SECONDS, self._kill, leaving)

    async def gone(self) -> None:
        """Returns when none is left."""
        while self._living:
            self._changed.clear()
            await self._changed.wait()

    def _kill(self, pids: Iterable[int]) -> None:
        # A process id is not given anew before its process was waited for.
        for pid in self._living.intersection(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _reap(self, pidfd: int, number: int, pid: int) -> None:
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        self._living.discard(pid)
        if self._pids.get(number) == pid:
            del self._pids[number]
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        self._changed.set()
        # What it has left behind is a child of this process by now.
        orphans.end(self._living.__contains__)


def _live_apart(parent: int, sock: socket.socket, work: Callable[[socket.socket], None]) -> NoReturn:
    """The rest of a forked child's life: nothing of its parent's loop runs again, whatever happens."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        orphans.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            os.closerange(FIRST_OF_OURS, sock.fileno())
            os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
            work(sock)
            status = 0
    except BaseException as error:
        # The text may hold what a user typed.
        print(f"error nursery helper_failed error={type(error).__name__}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)
