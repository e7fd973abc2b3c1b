# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a trail is read from: a file, the system's journal, the store of a stopped gateway, a running gateway.

Each source gives the texts of records in the order in which they lie there, one at a time, whatever their number. Owns
the forms around a record; must not judge what a record says.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from wolfguard.cli.client import Client
from wolfguard.cli.failure import CommandError
from wolfguard.records.record import canonical
from wolfguard.records.sinks import MESSAGE_ID
from wolfguard.records.verifier import RECORD_BYTES_MAX
from wolfguard.store.sqlite_reader import stored_records

JOURNAL: Final = ("journalctl", f"MESSAGE_ID={MESSAGE_ID}", "--output=json", "--all", "--no-pager", "--quiet")
JOURNAL_FIELD: Final = "WOLFGUARD_RECORD"
_BEGIN: Final = '{"event":'


class Source:
    """An iterable of texts. `name` is for people; `part` says how much of it has been read, None where nobody knows."""

    def __init__(self, name: str, texts: Iterator[str], file: IO[bytes] | None = None, size: int = 0) -> None:
        self.name = name
        self._texts = texts
        self._file = file
        self._size = size

    def __iter__(self) -> Iterator[str]:
        return self._texts

    @property
    def part(self) -> float | None:
        if self._file is None or not self._size or self._file.closed:
            return None
        return min(1.0, self._file.tell() / self._size)


def file(path: str) -> Source:
    """Lines of a file, or of standard input for "-". Raises CommandError."""
    if path == "-":
        return Source("standard input", _lines(sys.stdin.buffer))
    try:
        # Non-blocking, so that a pipe in the place of a file holds up nobody.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise CommandError(f"{path} is not a regular file; give - to read standard input")
    opened = os.fdopen(descriptor, "rb")
    return Source(path, _closing(opened), opened, status.st_size)


def _closing(opened: IO[bytes]) -> Iterator[str]:
    with opened:
        yield from _lines(opened)


def _lines(opened: IO[bytes]) -> Iterator[str]:
    """Lines without their end, each bounded: of a longer one its beginning, which no record is."""
    while line := opened.readline(RECORD_BYTES_MAX + 2):
        whole = line.endswith(b"\n")
        while len(line) > RECORD_BYTES_MAX and not whole:
            rest = opened.readline(RECORD_BYTES_MAX)
            whole = not rest or rest.endswith(b"\n")
        text = _record_in(line.decode("utf-8", "replace").rstrip("\r\n"))
        if text:
            yield text


def _record_in(line: str) -> str:
    """The record in a line of a log file, which may have words of its own before it."""
    begin = line.find(_BEGIN)
    return line[begin:].rstrip() if begin > 0 else line.strip()


def journal() -> Source:
    """The system's journal, by way of journalctl. Raises CommandError when it cannot be asked, also later."""
    try:
        process = subprocess.Popen(JOURNAL, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise CommandError(f"cannot start journalctl: {error.strerror}; read a file instead") from None
    return Source("the journal", _entries(process))


def _entries(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - asked for above
    with process:
        for line in _lines(process.stdout):
            yield _entry(line)
        said = process.stderr.read(4096).decode("utf-8", "replace").strip()
        if process.wait() != 0:
            raise CommandError(f"journalctl failed: {said or process.returncode}")


def _entry(line: str) -> str:
    """What is no entry with a record is given on as it is, for the verifier to name."""
    try:
        value = json.loads(line)[JOURNAL_FIELD]
        # A field that is not all printable is a list of bytes.
        return value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return line


def store(path: Path) -> Source:
    """The newest records in the state file of a gateway that does not run. Raises StoreError while it is read."""
    return Source(str(path), stored_records(path))


def gateway(client: Client) -> Source:
    """The newest records of a running gateway. Raises CommandError, also later."""

    def texts() -> Iterator[str]:
        after = 0
        while records := client.get("/v1/events", after=after)["records"]:
            for record in records:
                yield canonical(record)
                after = record["sequence"]

    return Source("the running gateway", texts())
