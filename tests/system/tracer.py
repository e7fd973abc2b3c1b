# SPDX-License-Identifier: GPL-3.0-or-later
"""A tracer that asks the kernel which system call filters a process is under (PTRACE_SECCOMP_GET_FILTER).

Needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, and a tracer without a filter of its own. The traced thread stops for a moment.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_GET_FILTER: Final = 0x420C
_DETACH: Final = 17
_INSTRUCTION_BYTES: Final = 8
_WAIT_ALL: Final = 0x40000000  # __WALL: threads too

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _ptrace(request: int, thread: int, address: int = 0, data: ctypes.Array[ctypes.c_char] | None = None) -> int:
    ctypes.set_errno(0)
    result: int = _LIBC.ptrace(request, thread, address, data)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")
    return result


@contextmanager
def _stopped(thread: int) -> Iterator[None]:
    _ptrace(_SEIZE, thread)
    _ptrace(_INTERRUPT, thread)
    os.waitpid(thread, _WAIT_ALL)
    try:
        yield
    finally:
        _ptrace(_DETACH, thread)


def filters(thread: int) -> list[bytes]:
    """Programs of classic BPF, the newest first."""
    found: list[bytes] = []
    with _stopped(thread):
        while True:
            try:
                length = _ptrace(_GET_FILTER, thread, len(found))
            except OSError as error:
                # EINVAL: it never had one.
                if error.errno in (errno.ENOENT, errno.EINVAL):
                    return found
                raise
            program = ctypes.create_string_buffer(length * _INSTRUCTION_BYTES)
            _ptrace(_GET_FILTER, thread, len(found), program)
            found.append(program.raw)
