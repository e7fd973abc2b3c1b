# SPDX-License-Identifier: GPL-3.0-or-later
"""Where records go: journald, a file, or stderr. Each is opened before the sandbox and needs no path afterwards.

A sink accepts records in order and says how many it took; what it did not take is offered again later. It never waits
for a slow reader longer than one system call.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from wolfguard.errors import ConfigurationError, StartError
from wolfguard.records.record import Record
from wolfguard.records.schema import FAILURE

JOURNALD_SOCKET: Final = "/run/systemd/journal/socket"
# Marks every record of the trail in the journal: `journalctl MESSAGE_ID=...`.
MESSAGE_ID: Final = "5d0c0b6fd1b94d6ab1b4a2f7c1e2a9d3"

_PRIORITIES: Final = {"error": 3, "warning": 4, "notice": 5, "info": 6}


class Sink(Protocol):
    def write(self, records: Sequence[Record]) -> int:
        """Takes records from the front and returns how many; raises OSError when the sink is broken."""

    def close(self) -> None:
        """Lets go of the descriptor."""


def open_sink(target: str, path: str) -> Sink:
    """The sink that the site file asks for; raises StartError when it cannot be had."""
    if target == "journald":
        return JournaldSink(JOURNALD_SOCKET)
    if target == "file":
        return FileSink(path)
    if target == "stderr":
        return StderrSink(sys.stderr.fileno())
    raise ConfigurationError(f"records.target is {target!r}; it must be journald, file or stderr")


def severity(record: Record) -> str:
    """A failure is at least a warning."""
    if record.outcome == FAILURE and record.event.severity != "error":
        return "warning"
    return record.event.severity


class JournaldSink:
    """The journal's native protocol: one datagram a record (systemd, "Native Journal Protocol").

    The service manager keeps the socket while journald restarts, so one connect() at start lasts.
    """

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise StartError(
                f"cannot reach journald at {path}: {error.strerror}; set records.target to file or stderr"
            ) from error

    def write(self, records: Sequence[Record]) -> int:
        for taken, record in enumerate(records):
            try:
                self._socket.send(journal_datagram(record))
            except BlockingIOError:
                return taken
        return len(records)

    def close(self) -> None:
        self._socket.close()


def journal_datagram(record: Record) -> bytes:
    """Fields of the journal's entry, in the simple form KEY=value: canonical JSON has no raw line break.

    A damaged record of an earlier run may have one, which must not begin a field.
    """
    entry = {
        "MESSAGE": f"{record.event.name} {record.outcome}",
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(_PRIORITIES[severity(record)]),
        "SYSLOG_IDENTIFIER": "wolfguard-records",
        "WOLFGUARD_EVENT": record.event.name,
        "WOLFGUARD_SEQUENCE": str(record.sequence),
        "WOLFGUARD_RECORD": record.text,
    }
    lines = (f"{key}={value}".replace("\n", " ") + "\n" for key, value in entry.items())
    return "".join(lines).encode("ascii", "backslashreplace")


class FileSink:
    """JSON lines, appended and flushed to disk once a batch; whole lines only, also after a crash or a full disk.

    Rotate by renaming and a reload: `reopen` starts the new file, also while another thread writes: it waits for the
    batch.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = self._open()
        self._turn = threading.Lock()

    def write(self, records: Sequence[Record]) -> int:
        data = b"".join(_line(record) for record in records)
        with self._turn:
            self._append(data)
        return len(records)

    def _append(self, data: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError:
            # All or nothing: the batch is offered again, and half a line must not precede it.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def reopen(self) -> None:
        """Follows a renamed file; keeps the open one when the new cannot be had (raises StartError)."""
        with self._turn:
            fresh = self._open()
            os.close(self._descriptor)
            self._descriptor = fresh

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o640)
            _cut_torn_line(descriptor)
        except OSError as error:
            raise StartError(
                f"cannot write records to {self._path}: {error.strerror}; make its directory writable for "
                "wolfguard-sessiond, or set records.target to journald"
            ) from error
        return descriptor


class StderrSink:
    """One JSON line a record on the given descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, records: Sequence[Record]) -> int:
        for record in records:
            os.write(self._descriptor, _line(record))
        return len(records)

    def close(self) -> None:
        """The descriptor belongs to the process."""


def _line(record: Record) -> bytes:
    return record.text.replace("\n", " ").encode("ascii", "backslashreplace") + b"\n"


def _cut_torn_line(descriptor: int) -> None:
    """Removes what a crash left after the last line break; that record is delivered again."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - 4096)
        chunk = os.pread(descriptor, end - start, start)
        line_break = chunk.rfind(b"\n")
        if line_break >= 0:
            end = start + line_break + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
