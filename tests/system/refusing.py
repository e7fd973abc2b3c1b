# SPDX-License-Identifier: GPL-3.0-or-later
"""Executes a program under a filter that refuses Landlock and locked memory, as containers' filters do.

Run as `refusing.py PROGRAM ARGUMENT...`, by root. Everything that the program starts is under the filter as well.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
import sys

from wolfguard import _native

LANDLOCK = (444, 445, 446)
LOCKING = {"x86_64": (149, 325), "aarch64": (228, 284)}[platform.machine()]  # mlock, mlock2

# Classic BPF over struct seccomp_data, whose first word is the number of the call.
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050000 | errno.EPERM, 0x7FFF0000


def program() -> bytes:
    numbers = (*LANDLOCK, *LOCKING)
    lines = [(LOAD_WORD, 0, 0, 0)]
    lines += [(JUMP_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


_native.seccomp_install(program(), False)
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
