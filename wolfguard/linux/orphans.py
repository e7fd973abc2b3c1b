# SPDX-License-Identifier: GPL-3.0-or-later
"""What children leave behind: their own children come to this process when they end, and are ended here.

Owns the kernel's calls for it: PR_SET_CHILD_SUBREAPER, the list of children in /proc, signals and waiting. Who may
live on is the caller's to say. A process id is not given anew before its process was waited for, so none is mistaken.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36

prctl = ctypes.CDLL(None, use_errno=True).prctl
prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def adopt() -> None:
    """From now on the orphans of this process's descendants become its children."""
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end(own: Callable[[int], bool]) -> None:
    """Ends every child that is no `own` one, and waits for it; the death of one may bring more. One that this process
    may not end (SELinux, where a module's program has a domain of its own) is left alone, not waited for."""
    left: set[int] = set()
    while orphans := [pid for pid in _children() if pid not in left and not own(pid)]:
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:
                left.add(pid)
        for pid in set(orphans) - left:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """Process ids of this process's children, as the kernel lists them."""
    own = os.getpid()
    with open(f"/proc/{own}/task/{own}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]
