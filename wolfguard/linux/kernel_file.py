# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a file of /proc and tells whether it was the kernel's: nothing mounted over it, or over a folder above it.

The open descriptor is what is judged: its file system by fstatfs(2), its mount by the number that fdinfo gives, whose
line in mountinfo says which file of which file system it is. A container's read-only copy of /proc/sys passes, a file
that was mounted in its place does not, even if it comes from /proc itself.
"""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

PROC_SUPER_MAGIC: Final = 0x9FA0
BYTES_MAXIMUM: Final = 4 * 1024 * 1024
PART_BYTES: Final = 64 * 1024
_PROC: Final = "/proc"
_FDINFO: Final = "/proc/self/fdinfo/{}"
_MOUNTINFO: Final = "/proc/self/mountinfo"
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class KernelFile:
    """`text` is None where there is no such file or it cannot be read; `problem` is empty when the file is the kernel's
    own (or absent), else a sentence."""

    path: str
    text: str | None
    problem: str


def read(path: str) -> KernelFile:
    """Reads `path`, which is below /proc."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        problem = "" if isinstance(error, FileNotFoundError) else f"{path} cannot be read ({error.strerror})"
        return KernelFile(path, None, problem)
    with open(descriptor, "rb"):
        try:
            problem = _foreign(descriptor, path)
            text = _content(descriptor).decode("utf-8", "replace")
        except OSError as error:
            return KernelFile(path, None, f"{path} cannot be read ({error.strerror})")
    return KernelFile(path, text, problem)


def _content(descriptor: int) -> bytes:
    """All of it in small reads: for one of the whole size the kernel would want a buffer as large. Raises OSError."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < BYTES_MAXIMUM and (part := os.read(descriptor, PART_BYTES)):
        parts.append(part)
    return b"".join(parts)


def _foreign(descriptor: int, path: str) -> str:
    """Why the open file is not the kernel's, or nothing. Raises OSError."""
    if _file_system(descriptor) != PROC_SUPER_MAGIC:
        return f"{path} is not on a proc file system: something is mounted over it"
    number = _field(_own(_FDINFO.format(descriptor)), "mnt_id:")
    for line in _own(_MOUNTINFO).splitlines():
        fields = line.split(" ")
        if fields[0] == number:
            return "" if _origin(fields, path) == path.removeprefix(_PROC) else _over(fields, path)
    return f"{path} is on a mount that mountinfo does not list"


def _own(path: str) -> str:
    """A file about this process, only from a proc file system. Raises OSError."""
    with open(path, "rb") as stream:
        if _file_system(stream.fileno()) != PROC_SUPER_MAGIC:
            raise OSError(0, "/proc itself is not a proc file system")
        return stream.read().decode("utf-8", "surrogateescape")


def _origin(fields: list[str], path: str) -> str:
    """Which file of its file system is at `path`: the mount's root, and what lies below the mount point."""
    root, point = _unescape(fields[3]), _unescape(fields[4])
    below = PurePosixPath(path).relative_to(point) if PurePosixPath(path).is_relative_to(point) else None
    return "" if below is None else str(PurePosixPath(root) / below)


def _over(fields: list[str], path: str) -> str:
    kind = fields[fields.index("-") + 1] if "-" in fields else "unknown"
    return f"{path}: {_unescape(fields[3])} of a {kind} file system is mounted at {_unescape(fields[4])}"


def _file_system(descriptor: int) -> int:
    """The magic number of the file system. Raises OSError."""
    facts = ctypes.create_string_buffer(512)  # struct statfs has 120 bytes; f_type comes first
    if _LIBC.fstatfs(descriptor, facts) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return ctypes.c_long.from_buffer(facts).value


def _field(text: str, name: str) -> str:
    return next((line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(name)), "")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
