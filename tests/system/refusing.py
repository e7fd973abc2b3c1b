# SPDX-License-Identifier: GPL-3.0-or-later
"""Executes a program under a filter that refuses parts of confinement, as containers and kernels without them do.

Run as `refusing.py [--calls GROUP,GROUP] [--errno NAME] PROGRAM ARGUMENT...`, by root. Everything that the program
starts is under the filter as well. Without options Landlock and locked memory are not permitted.
"""

from __future__ import annotations

import argparse
import errno
import os
import platform
import struct

from wolfguard import _native

X86_64 = platform.machine() == "x86_64"
GROUPS = {
    "landlock": (444, 445, 446),
    "locking": (149, 325) if X86_64 else (228, 284),  # mlock, mlock2
    "entropy": (318,) if X86_64 else (278,),  # getrandom
    "seccomp": (317,) if X86_64 else (277,),
}

# Classic BPF over struct seccomp_data, whose first word is the number of the call.
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050000, 0x7FFF0000


def program(numbers: list[int], code: int) -> bytes:
    lines = [(LOAD_WORD, 0, 0, 0)]
    lines += [(JUMP_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE | code)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


parser = argparse.ArgumentParser()
parser.add_argument("--calls", default="landlock,locking")
parser.add_argument("--errno", default="EPERM")
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()
calls = [number for group in options.calls.split(",") for number in GROUPS[group]]
_native.seccomp_install(program(calls, getattr(errno, options.errno)), False)
os.execv(options.command[0], options.command)  # noqa: S606 - no shell is wanted
