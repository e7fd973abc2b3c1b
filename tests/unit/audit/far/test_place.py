# SPDX-License-Identifier: GPL-3.0-or-later
"""Another machine sees, and refuses to look at, what this one does: the real other end beside `Local`."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.audit.far.ends import real
from wolfguard.audit.far import place as far
from wolfguard.audit.far.channel import Channel
from wolfguard.audit.far.place import FarPlace
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Missing, Place, Program
from wolfguard.audit.probes.processes import all_processes

SOON = 20.0


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[FarPlace, Channel]]:
    with real() as ends:
        yield ends


@pytest.fixture
def other(both: tuple[FarPlace, Channel]) -> FarPlace:
    return both[0]


def hostile(folder: Path) -> list[Path]:
    """Files that nobody should read, and good ones between them."""
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("fifo")
    with (folder / "huge").open("wb") as file:
        file.truncate(10 * 1024**3)
    (folder / "loop").symlink_to("loop")
    (folder / "good").write_text("one\n")
    (folder / "to-good").symlink_to("good")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_text("two")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    os.mknod(folder / "device", 0o600 | 0o020000, os.makedev(1, 5))
    return sorted(folder.iterdir())


def said(place: Place, path: str, limit: int) -> tuple[str, str]:
    try:
        return "read", repr(place.read(path, limit))
    except Unobservable as error:
        return type(error).__name__, str(error)


def test_hostile_files_are_told_alike_and_hold_nobody_up(tmp_path: Path, other: FarPlace) -> None:
    paths = [str(path) for path in hostile(tmp_path)]
    begun = time.monotonic()
    for path in [*paths, f"{tmp_path}/none", "/dev/zero", "/dev/null", "/dev/tty", "/proc/self", "a\0b"]:
        assert said(other, path, 1024) == said(Local(), path, 1024), path
    assert [path for path, _ in other.reads(paths)] == paths
    assert [type(each) for _, each in other.reads(paths, 1000)] == [
        type(each) for _, each in Local().reads(paths, 1000)
    ]
    assert time.monotonic() - begun < SOON
    for path in paths:
        assert other.facts(path) == Local().facts(path)
    assert other.walk(str(tmp_path)) == Local().walk(str(tmp_path))
    assert other.listing(str(tmp_path)) == Local().listing(str(tmp_path))


def test_the_machine_is_seen_alike(other: FarPlace) -> None:
    here = Local()
    assert other.listing("/etc") == here.listing("/etc")
    assert other.walk("/etc") == here.walk("/etc")
    assert (other.kernel(), other.clock_kept()) == (here.kernel(), here.clock_kept())
    for words in (("dpkg",), ("there-is-no-such-package",)):
        assert other.run(Program.PACKAGE_STATUS, *words) == here.run(Program.PACKAGE_STATUS, *words)
    for path in ("/nonexistent", "/etc/passwd/x"):
        with pytest.raises(Missing):
            other.facts(path)
        with pytest.raises(Missing):
            other.listing(path)


def test_many_files_are_one_question(tmp_path: Path, both: tuple[FarPlace, Channel]) -> None:
    other, channel = both
    for number in range(200):
        (tmp_path / str(number)).write_text(str(number))
    paths = [f"{tmp_path}/{number}" for number in range(200)]
    before = channel.trips
    assert [content for _, content in other.reads(paths)] == [str(number).encode() for number in range(200)]
    assert channel.trips == before + 1
    assert len(list(other.reads(paths))) == 200
    assert channel.trips == before + 1, "asked again what is remembered"
    assert len(list(all_processes(other))) > 1
    assert channel.trips <= before + 4


def test_more_than_a_batch_holds(tmp_path: Path, other: FarPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 3 * 1024 * 1024
    for number in range(5):
        (tmp_path / str(number)).write_bytes(bytes([number]) * size)
    found = [content for _, content in other.reads([f"{tmp_path}/{number}" for number in range(5)])]
    assert [isinstance(content, bytes) and content[:1] + content[-1:] for content in found] == [
        bytes([number, number]) for number in range(5)
    ]
    monkeypatch.setattr(far, "BATCH", 2)
    assert len(list(other.reads([f"{tmp_path}/{number}" for number in range(5)]))) == 5


def test_a_limit_counts_for_what_is_remembered_too(tmp_path: Path, other: FarPlace) -> None:
    (tmp_path / "file").write_text("twelve bytes")
    assert other.read(f"{tmp_path}/file") == b"twelve bytes"
    with pytest.raises(Unobservable, match="more than the 4 that are read"):
        other.read(f"{tmp_path}/file", 4)


def test_the_kernel_is_asked_again_and_a_file_is_not(tmp_path: Path, other: FarPlace) -> None:
    (tmp_path / "file").write_text("before")
    assert other.read(f"{tmp_path}/file") == b"before"
    (tmp_path / "file").write_text("after")
    assert other.read(f"{tmp_path}/file") == b"before"
    first, end = other.read("/proc/uptime"), time.monotonic() + SOON
    while other.read("/proc/uptime") == first:
        assert time.monotonic() < end


def test_words_that_no_program_gets(other: FarPlace) -> None:
    for word in ("--root=/", "a b", "a;id", "$(id)", "`id`", "", "x" * 300):
        with pytest.raises(Unobservable, match="not run with such words"):
            other.run(Program.UNIT, word)


def test_a_socket_there(tmp_path: Path, other: FarPlace) -> None:
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            for reply in (b"first, ", None):
                connection, _ = listener.accept()
                with connection:
                    heard = connection.recv(100)
                    if reply is not None:
                        connection.sendall(reply + heard)
                    else:
                        connection.sendall(b"x" * 5000)

        thread = threading.Thread(target=serve)
        thread.start()
        assert other.exchange(path, b"\xffhello", 10, 1000) == b"first, \xffhello"
        with pytest.raises(Unobservable, match="more than 1000 bytes"):
            other.exchange(path, b"hello", 10, 1000)
        thread.join(SOON)
    for nobody in (path, "/nonexistent"):
        with pytest.raises(Missing):
            other.exchange(nobody, b"hello", 10, 1000)


def test_where_nothing_runs_the_kernel_is_somebody_elses() -> None:
    with real(at_rest=True) as (place, channel):
        for look in (place.read, place.listing, place.facts, place.walk):
            for path in ("/proc/sys/kernel/kptr_restrict", "/sys", "/run/x"):
                with pytest.raises(Unobservable, match="no part of a root file system") as caught:
                    look(path)
                assert not isinstance(caught.value, Missing)
        for program in (Program.UNIT, Program.RULESET, Program.AUDIT_RULES, Program.MODULE):
            with pytest.raises(Unobservable, match="not asked where nothing runs"):
                place.run(program)
        for ask in (place.kernel, place.clock_kept):
            with pytest.raises(Unobservable, match="another machine's"):
                ask()
        assert channel.trips == 0
        assert place.run(Program.PACKAGE_STATUS, "dpkg").text == "installed\n"
