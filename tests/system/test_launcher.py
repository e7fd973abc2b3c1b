# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher ends with one line when anything is not as it must be, and passes on nothing but what it should."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from wolfguard.procs.supervisor.spawning import installed_launchers

LAUNCHERS = installed_launchers()
CANNOT_START = 78

# In the place of Python: says what it was given, then what the process is.
PROBE = """#!/bin/sh
echo "arguments $*"
env | sort | sed 's/^/environment /'
ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> .*/descriptor \\1/p'
echo "umask $(umask)"
echo "cwd $(pwd)"
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status
grep -E '^(Max core file size|Max open files)' /proc/self/limits
"""


@pytest.fixture
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "probe"
    path.write_text(PROBE, "ascii")
    path.chmod(0o755)
    # The account of a process must be able to reach it.
    for parent in path.parents[: path.parents.index(Path(tempfile.gettempdir()))]:
        parent.chmod(parent.stat().st_mode | 0o055)
    return path


def launch(process: str, *arguments: str, folder: Path = LAUNCHERS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / f"wolfguard-{process}"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"SECRET": "from outside", "LD_LIBRARY_PATH": "/nowhere"},
    )


def said(result: subprocess.CompletedProcess[str], word: str) -> list[str]:
    return [line.removeprefix(word).strip() for line in result.stdout.splitlines() if line.startswith(word)]


def test_what_a_process_is_given(probe: Path) -> None:
    result = launch("worker", str(probe), "0")
    assert result.returncode == 0, result.stderr
    assert said(result, "arguments") == ["-I -B -m wolfguard.procs.worker"]
    given = [entry.partition("=")[0] for entry in said(result, "environment")]
    # The shell itself adds its working folder.
    assert sorted(set(given) - {"PWD", "OLDPWD", "SHLVL", "_"}) == ["LANG", "PATH", "WOLFGUARD_PROCESS"]
    assert said(result, "umask") == ["0077"]
    assert said(result, "cwd") == ["/"]
    assert said(result, "Groups:") == [""]
    assert {
        field for name in ("CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:") for field in said(result, name)
    } == {"0" * 16}
    assert said(result, "NoNewPrivs:") == ["1"]
    assert "0 " in said(result, "Max core file size")[0]


def test_netd_keeps_one_capability_through_exec(probe: Path) -> None:
    result = launch("netd", str(probe))
    held = {name: said(result, name)[0] for name in ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:")}
    assert set(held.values()) == {"0000000000001000"}
    assert said(result, "CapBnd:") == ["0" * 16]


def test_other_descriptors_are_closed(probe: Path) -> None:
    read, write = os.pipe()
    extra = os.dup2(read, 77, inheritable=True)
    os.set_inheritable(write, True)
    command = [str(LAUNCHERS / "wolfguard-authd"), str(probe)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, close_fds=False)
    for descriptor in (read, write, extra):
        os.close(descriptor)
    assert set(said(result, "descriptor")) <= {"0", "1", "2", "3"}


def test_learning_is_asked_for_by_name(probe: Path) -> None:
    assert "WOLFGUARD_FILTER=log" in said(launch("pam", str(probe), "log"), "environment")
    assert launch("pam", str(probe), "off").returncode == CANNOT_START
    # who is one only has no slot
    assert launch("pam", str(probe), "0").returncode == CANNOT_START


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "usage:"),
        (("/nowhere",), "usage:"),
        (("python", "0"), "usage:"),
        (("/nowhere", "log"), "log is no slot of worker"),
        (("/nowhere", "-1"), "-1 is no slot of worker"),
        (("/nowhere", "1024"), "1024 is no slot of worker"),
        (("/nowhere", "0"), "No such file"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    result = launch("worker", *arguments)
    assert result.returncode == CANNOT_START
    (line,) = result.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize("name", ["wolfguard-nothing", "launcher"])
def test_the_name_of_the_file_decides(tmp_path: Path, probe: Path, name: str) -> None:
    shutil.copy(LAUNCHERS / "wolfguard-keyd", tmp_path / name)
    result = subprocess.run([str(tmp_path / name), str(probe)], capture_output=True, text=True, check=False)
    assert result.returncode == CANNOT_START
    assert name in result.stderr


def test_who_is_not_root_gets_nowhere(probe: Path) -> None:
    result = subprocess.run(
        [str(LAUNCHERS / "wolfguard-keyd"), str(probe)],
        capture_output=True,
        text=True,
        check=False,
        user="nobody",
        group="nogroup",
        extra_groups=[],
    )
    assert result.returncode == CANNOT_START
    assert "Operation not permitted" in result.stderr
