# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox, really entered in a process of its own (by root, as tests run): what still works and what kills."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wolfguard
from wolfguard.errors import StartError
from wolfguard.sandbox import foreign_crypto
from wolfguard.sandbox.manifest import filter_program
from wolfguard.sandbox.processes import PROCESSES

HERE = Path(__file__).resolve().parent
PACKAGE = Path(wolfguard.__file__).parents[1]


def behind(process: str, act: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-B",
        str(HERE / "behind.py"),
        str(PACKAGE),
        process,
        act,
        *([str(folder)] if folder else []),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


def result(process: str, act: str, folder: Path | None = None) -> str:
    done = behind(process, act, folder)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.splitlines()[-1].removeprefix("result: ")


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_facts_are_read_back_from_the_kernel(process: str, tmp_path: Path) -> None:
    done = behind(process, "nothing", tmp_path)
    assert done.returncode == 0, (done.stdout, done.stderr)
    facts = dict(pair.split("=", 1) for pair in done.stdout.splitlines()[0].replace(", ", ",").split() if "=" in pair)
    kept = sum(1 << capability for capability in PROCESSES[process].capabilities)
    assert facts["capabilities"] == f"{kept:016x}"
    assert facts["no_new_privs"] == "1"
    assert facts["seccomp"] == "filter"
    assert facts["foreign_crypto"] == "none"


@pytest.mark.parametrize(
    "act",
    ["socket", "netlink", "unix", "connect", "exec", "fork", "kill", "ptrace", "executable", "ioctl", "setsockopt"],
)
def test_a_worker_dies_of_what_it_never_does(act: str) -> None:
    assert behind("worker", act).returncode == -signal.SIGSYS


@pytest.mark.parametrize("process", ["authd", "keyd", "mgmtd", "pam"])
@pytest.mark.parametrize("act", ["socket", "exec", "fork", "executable"])
def test_so_do_the_others(process: str, act: str) -> None:
    if (process, act) == ("authd", "socket"):
        assert result(process, "unix") == os.strerror(97)  # EAFNOSUPPORT: the Internet alone
    else:
        assert behind(process, act).returncode == -signal.SIGSYS


@pytest.mark.parametrize("process", ["worker", "keyd", "netd", "mgmtd"])
def test_files_are_not_there(process: str) -> None:
    assert result(process, "open") == "refused"
    assert result(process, "late") == "refused"


def test_sessiond_has_its_own_folder_and_no_other(tmp_path: Path) -> None:
    assert result("sessiond", "write", tmp_path) == "written"
    assert (tmp_path / "file").read_bytes() == b"x"
    assert result("sessiond", "open", tmp_path) == "refused"
    assert result("sessiond", "socket", tmp_path) == os.strerror(97)  # EAFNOSUPPORT


def test_netd_may_have_netlink_alone() -> None:
    assert result("netd", "netlink") == "made"
    assert result("netd", "socket") == os.strerror(97)


@pytest.mark.parametrize(("act", "said"), [("thread", "from a thread"), ("blocking", "done")])
def test_python_lives_on(act: str, said: str) -> None:
    assert result("worker", act) == said


def test_an_exception_is_one_line_without_its_words() -> None:
    done = behind("worker", "report")
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if "ValueError" in line]
    assert "behind.py:" in line
    assert "a secret" not in done.stderr


def test_another_crypto_library_is_refused() -> None:
    done = behind("worker", "openssl")
    assert done.returncode == 9
    assert "libcrypto" in done.stdout


def test_a_thread_that_was_there_before_is_refused() -> None:
    done = behind("worker", "threads_before")
    assert done.returncode == 9
    assert "2 threads run before the sandbox" in done.stdout


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    done = behind("sessiond", "nothing", tmp_path / "missing")
    assert done.returncode == 9
    assert "missing" in done.stdout


def test_a_machine_without_a_filter_is_refused() -> None:
    assert len(filter_program("worker", platform.machine())) % 8 == 0
    with pytest.raises(StartError, match=r"worker\.pdp11\.bpf"):
        filter_program("worker", "pdp11")


def test_foreign_libraries_are_found_in_maps() -> None:
    line = "7f0-7f1 r-xp 00000000 fe:00 123                        {}\n"
    maps = "".join(
        line.format(path)
        for path in ("/usr/lib/libcrypto.so.3", "/opt/x/libwolfssl.so.44", "/usr/lib/libcrypto.so.3", "[stack]", "")
    )
    assert foreign_crypto.mapped(maps) == ("/usr/lib/libcrypto.so.3",)
