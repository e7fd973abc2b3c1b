# SPDX-License-Identifier: GPL-3.0-or-later
"""Sinks: whole lines, slow readers, full disks, damaged text."""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import threading
from pathlib import Path

import pytest

from wolfguard.errors import ConfigurationError, StartError
from wolfguard.records.record import GENESIS, Record, make
from wolfguard.records.sinks import FileSink, JournaldSink, StderrSink, journal_datagram, open_sink, severity


def record(number: int = 1, name: str = "gateway.stopped", outcome: str = "success", **fields: str | int) -> Record:
    def digest(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    return make(digest, number, GENESIS, 0, name, outcome, where="sessiond\nMESSAGE=forged", fields=fields)


def test_severity_follows_the_schema_and_the_outcome() -> None:
    assert severity(record()) == "notice"
    assert severity(record(name="worker.lost", outcome="failure", slot=1, count=1)) == "warning"
    assert severity(record(name="records.lost", outcome="failure", count=1)) == "error"


def test_journald_gets_one_datagram_a_record(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(path)
        sink = JournaldSink(path)
        assert sink.write([record(1), record(2)]) == 2
        lines = journal.recv(65536).decode().splitlines()
        entry = dict(line.split("=", 1) for line in lines)
        sink.close()
    assert entry["MESSAGE"] == "gateway.stopped success"
    assert entry["PRIORITY"] == "5"
    assert entry["WOLFGUARD_SEQUENCE"] == "1"
    assert entry["WOLFGUARD_RECORD"] == record(1).text
    assert len(entry) == len(lines) == 7, "nothing in a record can add a field"


def test_a_journald_that_does_not_read_takes_what_fits(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(path)
        sink = JournaldSink(path)
        many = [record(number) for number in range(1, 2000)]
        taken = sink.write(many)
        assert 0 < taken < len(many)
        sink.close()


def test_no_journald_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="set records"):
        JournaldSink(str(tmp_path / "missing"))


def test_damaged_text_cannot_forge_a_field_of_the_journal() -> None:
    forged = Record(1, record().event, "success", "x\nPRIORITY=0", "")
    assert journal_datagram(forged).count(b"\n") == 7


def test_a_file_gets_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    sink = FileSink(str(path))
    assert sink.write([record(1), record(2)]) == 2
    sink.close()
    assert path.read_text().splitlines() == [record(1).text, record(2).text]
    assert path.stat().st_mode & 0o777 == 0o640


def test_half_a_line_of_a_crash_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    for before in ('{"a":1}\n{"b', "x" * 10_000, '{"a":1}\n' + "y" * 10_000):
        path.write_text(before)
        sink = FileSink(str(path))
        sink.write([record()])
        sink.close()
        whole = before[: before.rfind("\n") + 1]
        assert path.read_text() == whole + record().text + "\n"


def test_a_full_disk_leaves_no_half_batch(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    sink = FileSink(str(path))
    sink.write([record(1)])
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 500, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            sink.write([record(number) for number in range(2, 20)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == size
    assert sink.write([record(2)]) == 1
    assert len(path.read_text().splitlines()) == 2
    sink.close()


def test_a_renamed_file_is_followed_on_reopen(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    sink = FileSink(str(path))
    sink.write([record(1)])
    path.rename(tmp_path / "records.1")
    sink.reopen()
    sink.write([record(2)])
    sink.close()
    assert path.read_text() == record(2).text + "\n"


def test_a_file_is_rotated_while_another_thread_writes(tmp_path: Path) -> None:
    """Whether a name was changed or not: no line is torn, doubled or left out."""
    path = tmp_path / "records.jsonl"
    sink = FileSink(str(path))
    records: list[Record] = []
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            three = [record(len(records) + number) for number in (1, 2, 3)]
            assert sink.write(three) == 3
            records.extend(three)

    writer = threading.Thread(target=write)
    writer.start()
    rotated = 0
    while writer.is_alive() and (rotated < 50 or len(records) < 600):
        if rotated % 2:
            path.rename(tmp_path / f"{rotated:06}")
        sink.reopen()
        rotated += 1
    enough.set()
    writer.join()
    sink.close()
    files = [*sorted(each for each in tmp_path.iterdir() if each != path), path]
    lines = [line for each in files if each.exists() for line in each.read_text().splitlines()]
    assert lines == [each.text.replace("\n", " ") for each in records]


def test_a_file_that_cannot_be_had_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="make its directory writable"):
        FileSink(str(tmp_path / "missing" / "records"))


def test_stderr_gets_a_line_each() -> None:
    reading, writing = os.pipe()
    sink = StderrSink(writing)
    assert sink.write([record()]) == 1
    sink.close()
    os.close(writing)
    with os.fdopen(reading) as reader:
        assert reader.read() == record().text + "\n"


def test_targets(tmp_path: Path) -> None:
    open_sink("file", str(tmp_path / "records")).close()
    with pytest.raises(ConfigurationError, match="journald, file or stderr"):
        open_sink("syslog", "")
