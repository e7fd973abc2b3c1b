# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that this process runs on, as a `Place`.

A file is looked at before it is opened, since opening a device can do something, and again once it is open, since it
can have been exchanged meanwhile. It is opened without waiting, so that a FIFO put in its place holds nobody up.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import platform
import pwd
import re
import select
import signal
import stat
import subprocess
import time
from typing import Final

from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import (
    LISTED_MAXIMUM,
    OUTPUT_MAXIMUM,
    PROGRAM_SECONDS,
    READ_MAXIMUM,
    FileFacts,
    Kind,
    Missing,
    Output,
    Program,
)
from wolfguard.linux import clock

_PART: Final = 64 * 1024
_WORD: Final = re.compile(r"[A-Za-z0-9@_./:+=,-]{1,256}")
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_KINDS: Final = (
    (stat.S_ISREG, Kind.FILE),
    (stat.S_ISDIR, Kind.FOLDER),
    (stat.S_ISLNK, Kind.LINK),
    (stat.S_ISSOCK, Kind.SOCKET),
    (stat.S_ISFIFO, Kind.FIFO),
)


class Local:
    """This machine."""

    def __init__(self, seconds: float = PROGRAM_SECONDS) -> None:
        self._seconds = seconds

    @property
    def name(self) -> str:
        return platform.node() or "this machine"

    def read(self, path: str, limit: int = READ_MAXIMUM) -> bytes:
        try:
            _must_be_regular(os.stat(path), path)
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise _problem(path, error) from None
        try:
            found = os.fstat(descriptor)
            _must_be_regular(found, path)
            if found.st_size > limit:
                raise Unobservable(f"{path} has {found.st_size} bytes, more than the {limit} that are read")
            parts: list[bytes] = []
            while part := os.read(descriptor, _PART):
                parts.append(part)
                if sum(map(len, parts)) > limit:
                    raise Unobservable(f"{path} has more than the {limit} bytes that are read")
            return b"".join(parts)
        except OSError as error:
            raise _problem(path, error) from None
        finally:
            os.close(descriptor)

    def listing(self, path: str) -> tuple[str, ...]:
        names: list[str] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if len(names) == LISTED_MAXIMUM:
                        raise Unobservable(f"{path} holds more than {LISTED_MAXIMUM} names")
                    names.append(entry.name)
        except OSError as error:
            raise _problem(path, error) from None
        return tuple(sorted(names))

    def facts(self, path: str) -> FileFacts:
        try:
            found = os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
        except OSError as error:
            raise _problem(path, error) from None
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), Kind.DEVICE)
        mode = stat.S_IMODE(found.st_mode)
        return FileFacts(kind, mode, _user(found.st_uid), _group(found.st_gid), found.st_size, target)

    def run(self, program: Program, *words: str) -> Output:
        if any(word.startswith("-") or not _WORD.fullmatch(word) for word in words):
            raise Unobservable(f"{program.value[0]} is not run with such words")
        command = [*program.value, *words]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Missing(f"there is no program {command[0]} here") from None
        except OSError as error:
            raise Unobservable(f"{command[0]} cannot be run ({error.strerror})") from None
        try:
            text, errors = _collect(process, command[0], self._seconds)
        finally:
            code = _end(process)
        return Output(text, code, errors)

    def clock_kept(self) -> bool:
        try:
            return clock.synchronization().synchronized
        except OSError as error:
            raise Unobservable(f"the kernel does not say whether its clock is kept ({error.strerror})") from None

    def kernel(self) -> str:
        return platform.release()


def _end(process: subprocess.Popen[bytes]) -> int:
    """With all that it has started and that did not leave its session: a child that keeps a pipe open would be waited
    for. It has not been waited for yet, so its number is still its own. Returns its exit code."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return process.wait()


def _collect(process: subprocess.Popen[bytes], name: str, seconds: float) -> tuple[str, str]:
    """Output until its end, and the first line of its errors; the process has ended then. Raises Unobservable past a
    limit."""
    if process.stdout is None or process.stderr is None:
        raise TypeError("a process without its pipes")
    streams = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, errors = streams.values()
    end = time.monotonic() + seconds
    gone = os.pidfd_open(process.pid)
    try:
        waiting = [*streams, gone]
        while waiting:
            ready, _, _ = select.select(waiting, [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise Unobservable(f"{name} did not end within {seconds:g} s")
            for descriptor in ready:
                part = b"" if descriptor == gone else os.read(descriptor, _PART)
                if not part:
                    waiting.remove(descriptor)
                    continue
                streams[descriptor] += part
                if len(out) + len(errors) > OUTPUT_MAXIMUM:
                    raise Unobservable(f"{name} printed more than {OUTPUT_MAXIMUM} bytes")
    finally:
        os.close(gone)
    return out.decode("utf-8", "replace"), errors.decode("utf-8", "replace").strip().partition("\n")[0]


def _must_be_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), Kind.DEVICE)
        raise Unobservable(f"{path} is a {kind.value}, which is not read")


def _problem(path: str, error: OSError) -> Unobservable:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Missing(f"there is no {path}")
    return Unobservable(f"{path} cannot be looked at ({error.strerror})")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
