# SPDX-License-Identifier: GPL-3.0-or-later
"""How a machine is looked at from a process that runs on it: files, folders, programs, the clock, a socket.

`local` looks with it here, `far.serving` elsewhere: the text of this file is what is sent there, so that both see the
same. Hence it needs nothing but Python's own library and `linux.clock`, raises an exception of its own, and imports
nothing later than at its top: in a foreign root an import would run what lies there.

A file is looked at before it is opened, since opening a device can do something, and again once it is open, since it
can have been exchanged meanwhile. It is opened without waiting, so that a FIFO put in its place holds nobody up. Names
of owners are read from the files of the machine: its name service could ask a server, and load libraries of its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import select
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from wolfguard.linux import clock

PART: Final = 64 * 1024
NAMES_MAXIMUM: Final = 4 * 1024 * 1024
PASSWD, GROUP = "/etc/passwd", "/etc/group"
_KINDS: Final = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
)

_running: dict[int, None] = {}

Facts = tuple[str, int, str, str, int, str]
"""Kind, mode, owner, group, size, target: as `place.FileFacts`."""


class Unseen(Exception):  # noqa: N818 - it becomes a finding
    """Nobody could look; `missing` where there is nothing of the name."""

    def __init__(self, text: str, *, missing: bool = False) -> None:
        super().__init__(text)
        self.missing = missing


def read(path: str, limit: int) -> bytes:
    """A regular file, links followed. Raises Unseen."""
    try:
        _must_be_regular(os.stat(path), path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _problem(path, error) from None
    try:
        found = os.fstat(descriptor)
        _must_be_regular(found, path)
        if found.st_size > limit:
            raise Unseen(f"{path} has {found.st_size} bytes, more than the {limit} that are read")
        content = bytearray()
        while part := os.read(descriptor, PART):
            content += part
            if len(content) > limit:
                raise Unseen(f"{path} has more than the {limit} bytes that are read")
        return bytes(content)
    except OSError as error:
        raise _problem(path, error) from None
    finally:
        os.close(descriptor)


def listing(path: str, most: int) -> list[str]:
    """Names in a folder, sorted. Raises Unseen."""
    names: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if len(names) == most:
                    raise Unseen(f"{path} holds more than {most} names")
                names.append(entry.name)
    except (OSError, ValueError) as error:
        raise _problem(path, error) from None
    return sorted(names)


def facts(path: str) -> Facts:
    """Of one name, not followed if it is a link. Raises Unseen."""
    try:
        found = os.lstat(path)
        target = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
    except (OSError, ValueError) as error:
        raise _problem(path, error) from None
    owner, group = _name(PASSWD, found.st_uid), _name(GROUP, found.st_gid)
    return _kind(found), stat.S_IMODE(found.st_mode), owner, group, found.st_size, target


def walk(top: str, most: int, names_most: int) -> Iterator[tuple[str, Facts]]:
    """The folder itself and all below it, a folder before what is in it; nothing is entered over a link, and what goes
    away meanwhile is left out. Raises Unseen, also past `most`."""
    todo, number = [top], 0
    while todo:
        path = todo.pop()
        try:
            found = facts(path)
            below = listing(path, names_most) if found[0] == "folder" else []
        except Unseen as error:
            if not error.missing:
                raise
            continue
        number += 1
        if number > most:
            raise Unseen(f"{top} holds more than {most} files and folders")
        yield path, found
        todo.extend(f"{path.rstrip('/')}/{name}" for name in reversed(below))


def run(command: Sequence[str], path: str, seconds: float, most: int) -> tuple[bytes, int, bytes]:
    """Runs a program, found through `path`, to its end: output, exit code, errors. Raises Unseen past a limit."""
    name = command[0]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": path, "LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise Unseen(f"there is no program {name} here", missing=True) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise Unseen(f"{name} cannot be run ({_why(error)})") from None
    _running[process.pid] = None
    try:
        text, errors = _collect(process, name, seconds, most)
    finally:
        _running.pop(process.pid, None)
        code = _end(process)
    return text, code, errors


def end_all() -> None:
    """Every program that runs now, with what it has started; for a process that ends itself."""
    for number in list(_running):
        with contextlib.suppress(OSError):
            os.killpg(number, signal.SIGKILL)


def exchange(path: str, sent: bytes, seconds: float, most: int) -> bytes:
    """What a Unix socket answers until it closes. Raises Unseen."""
    end = time.monotonic() + seconds
    answer = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(sent)
            while part := connection.recv(PART):
                answer += part
                if len(answer) > most:
                    raise Unseen(f"{path} answers with more than {most} bytes")
                connection.settimeout(max(end - time.monotonic(), 0.01))
        except (FileNotFoundError, ConnectionRefusedError):
            raise Unseen(f"nobody answers at {path}", missing=True) from None
        except TimeoutError:
            raise Unseen(f"no answer at {path} in {seconds:g} s") from None
        except (OSError, ValueError) as error:
            raise _problem(path, error) from None
    return bytes(answer)


def clock_kept() -> bool:
    """The kernel's word on its clock. Raises Unseen."""
    try:
        return clock.synchronization().synchronized
    except OSError as error:
        raise Unseen(f"the kernel does not say whether its clock is kept ({_why(error)})") from None


def kernel() -> str:
    """Release of the running kernel."""
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


def _collect(process: subprocess.Popen[bytes], name: str, seconds: float, most: int) -> tuple[bytes, bytes]:
    """Output and errors until its end; the process has ended then. Raises Unseen past a limit."""
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
                raise Unseen(f"{name} did not end within {seconds:g} s")
            for descriptor in ready:
                part = b"" if descriptor == gone else os.read(descriptor, PART)
                if not part:
                    waiting.remove(descriptor)
                    continue
                streams[descriptor] += part
                if len(out) + len(errors) > most:
                    raise Unseen(f"{name} printed more than {most} bytes")
    finally:
        os.close(gone)
    return bytes(out), bytes(errors)


def _kind(found: os.stat_result) -> str:
    return next((kind for test, kind in _KINDS if test(found.st_mode)), "device")


def _must_be_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unseen(f"{path} is a {_kind(found)}, which is not read")


def _problem(path: str, error: Exception) -> Unseen:
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Unseen(f"there is no {path}", missing=True)
    return Unseen(f"{path} cannot be looked at ({_why(error)})")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


class _Names:
    """Names by number, read again when the file is another one."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[tuple[int, int, int], dict[int, str]]] = {}

    def of(self, file: str) -> dict[int, str]:
        try:
            found = os.stat(file)
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if file not in self._read or self._read[file][0] != version:
                self._read[file] = version, self._parse(read(file, NAMES_MAXIMUM))
            return self._read[file][1]
        except (OSError, Unseen):
            return {}

    @staticmethod
    def _parse(content: bytes) -> dict[int, str]:
        """The first name of a number counts."""
        rows = (line.split(":") for line in content.decode("utf-8", "replace").splitlines())
        found: dict[int, str] = {}
        for row in rows:
            if len(row) > 3 and row[2].isdecimal() and len(row[2]) < 11:
                found.setdefault(int(row[2]), row[0])
        return found


_names: Callable[[str], dict[int, str]] = _Names().of


def _name(file: str, number: int) -> str:
    return _names(file).get(number, str(number))
