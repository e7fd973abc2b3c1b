# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries to look into a process of the same user: `prying.py PID`; prints one line for each way, and what came of it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

PTRACE_ATTACH, PTRACE_DETACH, WAIT_ALL = 16, 17, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def attach(pid: int) -> None:
    if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, WAIT_ALL)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)


def read(name: str) -> None:
    with open(name, "rb") as file:
        file.read(1)


def copy(pid: int) -> None:
    """process_vm_readv of nothing at all: the right to is looked at first."""

    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    room = ctypes.create_string_buffer(8)
    own, other = Vector(ctypes.addressof(room), 8), Vector(1, 8)
    done = LIBC.process_vm_readv(pid, ctypes.byref(own), ctypes.c_ulong(1), ctypes.byref(other), ctypes.c_ulong(1), 0)
    # EFAULT: it may look, and there is nothing at this address.
    if done < 0 and ctypes.get_errno() != 14:
        raise OSError(ctypes.get_errno(), "process_vm_readv")


def main() -> None:
    pid = int(sys.argv[1])
    ways: dict[str, Callable[[], object]] = {
        "ptrace": lambda: attach(pid),
        "process_vm_readv": lambda: copy(pid),
        "environ": lambda: read(f"/proc/{pid}/environ"),
        "maps": lambda: read(f"/proc/{pid}/maps"),
        "fd": lambda: os.listdir(f"/proc/{pid}/fd"),
        "mem": lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY)),
    }
    for name, way in ways.items():
        try:
            way()
        except PermissionError:
            print(name, "refused", flush=True)
        else:
            print(name, "done", flush=True)


main()
