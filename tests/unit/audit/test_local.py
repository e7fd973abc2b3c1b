# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine as a place: real FIFOs, devices, endless and huge files, programs that hang or talk too much. None of it
holds anybody up, and none of it is read as if it were a file."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.audit.fake_place import see
from wolfguard.audit.complaint import UNKNOWN
from wolfguard.audit.local import Local
from wolfguard.audit.observation import Unobservable
from wolfguard.audit.place import Kind, Missing, Program, lines, optional_lines, optional_listing, texts

SOON = 5.0


@pytest.fixture
def soon() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SOON


def refusal(path: Path | str, limit: int = 1024) -> str:
    with pytest.raises(Unobservable) as caught:
        Local().read(str(path), limit)
    return str(caught.value)


@pytest.mark.usefixtures("soon")
def test_a_fifo_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "is a fifo" in refusal(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    assert "is a fifo" in refusal(tmp_path / "link")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_devices(path: str) -> None:
    assert "is a device" in refusal(path)


@pytest.mark.usefixtures("soon")
def test_a_file_of_ten_gigabytes(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(10 * 1024**3)
    assert "more than the 1024 that are read" in refusal(tmp_path / "huge")


@pytest.mark.usefixtures("soon")
def test_a_file_of_the_kernel_without_a_size() -> None:
    assert Local().read("/proc/self/status").startswith(b"Name:")
    assert "more than the 16 bytes" in refusal("/proc/self/status", 16)


@pytest.mark.usefixtures("soon")
def test_a_file_of_the_kernel_that_waits_for_news() -> None:
    """/proc/kmsg is a regular file whose reader waits: what comes at once, or nothing."""
    with contextlib.suppress(Unobservable):
        Local().read("/proc/kmsg")


def test_sockets_and_folders(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert "is a socket" in refusal(tmp_path / "socket")
        assert Local().facts(str(tmp_path / "socket")).kind is Kind.SOCKET
    assert "is a folder" in refusal(tmp_path)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    place = Local()
    for look in (place.read, place.listing, place.facts):
        with pytest.raises(Missing):
            look(str(tmp_path / "none"))
    assert optional_lines(place, str(tmp_path / "none")) == []
    assert optional_listing(place, str(tmp_path / "none")) == ()


def test_a_loop_of_links_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "symbolic links" in refusal(tmp_path / "a")
    facts = Local().facts(str(tmp_path / "a"))
    assert (facts.kind, facts.target) == (Kind.LINK, "b")


def test_facts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("# comment\n\nname = value # why\n")
    file.chmod(0o4640)
    facts = Local().facts(str(file))
    assert (facts.kind, facts.mode, facts.owner, facts.group) == (Kind.FILE, 0o4640, "root", "root")
    assert lines(Local(), str(file)) == ["name = value"]
    os.chown(file, 54321, 54321)
    assert Local().facts(str(file)).owner == "54321"


def test_a_folder_with_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
    assert Local().listing(str(tmp_path)) == ("0", "1", "2", "3", "4")
    monkeypatch.setattr("wolfguard.audit.local.LISTED_MAXIMUM", 4)
    with pytest.raises(Unobservable, match="more than 4 names"):
        Local().listing(str(tmp_path))


def test_a_tree_is_walked_over_no_link_and_not_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "file").touch()
    (tmp_path / "a").symlink_to("/etc")
    found = dict(Local().walk(str(tmp_path)))
    assert [path.removeprefix(str(tmp_path)) for path in found] == ["", "/a", "/b", "/b/c", "/b/c/file"]
    assert found[f"{tmp_path}/a"].kind is Kind.LINK
    monkeypatch.setattr("wolfguard.audit.local.WALKED_MAXIMUM", 4)
    with pytest.raises(Unobservable, match="more than 4 files"):
        Local().walk(str(tmp_path))


def test_many_files_each_with_its_own_answer(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    os.mkfifo(tmp_path / "b")
    paths = [str(tmp_path / name) for name in ("a", "b", "none")]
    (one, content), (_, fifo), (_, none) = Local().reads(paths)
    assert (one, content) == (paths[0], b"one")
    assert isinstance(fifo, Unobservable)
    assert not isinstance(fifo, Missing)
    assert isinstance(none, Missing)
    with pytest.raises(Unobservable, match="is a fifo"):
        dict(texts(Local(), paths))
    assert dict(texts(Local(), [paths[0], paths[2]])) == {paths[0]: "one"}


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of ours under the name of one of the closed list."""
    file = folder / "nft"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr("wolfguard.audit.local._PATH", f"{folder}:/usr/bin:/bin")


def test_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, 'echo "$@"; echo first >&2; echo second >&2; exit 3')
    output = Local().run(Program.RULESET)
    assert (output.text, output.code, output.why) == ("-j -t list ruleset\n", 3, f"exit code 3, {UNKNOWN}")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("script", ["exec sleep 600", "exec >&- 2>&-; exec sleep 600", "sleep 600 & exit 0"])
def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(Unobservable, match=r"did not end within 0\.5 s"):
        Local(seconds=0.5).run(Program.RULESET)


@pytest.mark.usefixtures("soon")
def test_a_program_that_prints_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "exec cat /dev/zero")
    with pytest.raises(Unobservable, match="printed more than"):
        Local().run(Program.RULESET)


def test_a_program_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfguard.audit.local._PATH", "/nonexistent")
    with pytest.raises(Missing, match="there is no program nft"):
        Local().run(Program.RULESET)


@pytest.mark.parametrize("word", ["--root=/", "a b", "a;id", "$(id)", "", "x" * 300])
def test_words_that_no_program_gets(word: str) -> None:
    with pytest.raises(Unobservable, match="not run with such words"):
        Local().run(Program.UNIT, word)


def test_the_kernel_and_its_clock() -> None:
    assert Local().kernel() == os.uname().release
    assert Local().clock_kept() in (True, False)


def test_a_name_that_is_no_utf8_is_seen_and_can_be_reported(tmp_path: Path) -> None:
    """As text of its bytes: a file is not overlooked for its name."""
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))).touch(0o666)
    os.chmod(os.fsencode(tmp_path) + b"/\xff\xfe", 0o666)  # noqa: S103
    place: Any = Local()
    found = see("tree", place, {"path": str(tmp_path)})
    assert found.problem == ""
    assert str(found.part(("writable",))).encode()
    assert "udcff" in str(found.part(("writable",)))
