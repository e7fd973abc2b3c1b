# SPDX-License-Identifier: GPL-3.0-or-later
"""An exception that nobody expected, in every parser and handler of every confined process, under its filter: logged
with the places it passed through and without its words, survived, and no file opened for it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.system import injection, parsers, tour
from tests.system.whole_gateway import status, until
from wolfguard.errors import WolfguardError
from wolfguard.sandbox import processes

# Every gateway has these; one that needs a backend has none of them in this gateway.
PROCESSES = [name for name, process in processes.PROCESSES.items() if not process.when]
SECONDS = 120.0
# Whoever asked meets the consequences: a connection that ends, an answer that says no, or none at all.
CONSEQUENCES = (AssertionError, ConnectionError, TimeoutError, WolfguardError)
STEPS: tuple[Callable[[Field], object], ...] = (
    *(partial(tour.command, words=words, stdin=stdin) for words, stdin in tour.ADMINISTRATION),
    tour.evidence,
    tour.backup,
    tour.wrong_password,
    tour.log_in_and_out,
    tour.begin_anew,
    tour.nonsense,
    tour.datagrams,
)
# Whose end each process hears of from the supervisor: as varied as can be, since each death doubles the wait for the
# next start.
NEIGHBOURS = {
    "keyd": "worker",
    "sessiond": "pam",
    "mgmtd": "netd",
    "netd": "mgmtd",
    "worker": "keyd",
    "authd": "sessiond",
    "pam": "sessiond",
}
FILE_CALLS = "openat,open,openat2,stat,lstat,newfstatat,statx,readlink,readlinkat,access,faccessat,faccessat2,getcwd"


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(tour.edit_for(workers=1))
    made.add_user("alice")
    yield made
    made.gateway.stop()


def log(field: Field) -> str:
    return field.gateway.log.read_text("utf-8")


def pids(field: Field) -> dict[str, int]:
    return {each["process"]: each["pid"] for each in status(field)["processes"]}


@contextmanager
def watched(pid: dict[str, int], output: Path) -> Iterator[None]:
    """All calls with a path that these processes make meanwhile, as strace sees them."""
    words = [word for each in pid.values() for word in ("-p", str(each))]
    command = ["strace", "-f", "--quiet=all", f"--trace={FILE_CALLS}", f"--output={output}", *words]
    witness = subprocess.Popen(command)
    try:
        until(lambda: all(_traced(each) for each in pid.values()), "strace at work")
        yield
    finally:
        witness.terminate()
        witness.wait()


def _traced(pid: int) -> bool:
    return not re.search(r"^TracerPid:\s0$", Path(f"/proc/{pid}/status").read_text("ascii", "replace"), re.MULTILINE)


def raised(field: Field, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return not missing(field, wanted)


def missing(field: Field, wanted: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Targets that have not raised yet, or whose exception nobody has written down."""
    text = log(field)
    return [
        f"{process} {target}"
        for process, targets in wanted.items()
        for target in targets
        if not re.search(rf"^\w+ {process} .*RuntimeError at {re.escape(injection.mark(target))}", text, re.MULTILINE)
    ]


def test_every_parser_is_known() -> None:
    assert parsers.modules() == parsers.forced_modules() | set(parsers.ELSEWHERE)


def test_every_process_is_tried() -> None:
    assert set(NEIGHBOURS) == set(PROCESSES)
    assert set(parsers.FORCED) <= set(PROCESSES)


def test_an_exception_anywhere_is_survived(field: Field, tmp_path: Path) -> None:
    wanted = {process: parsers.targets(process) for process in PROCESSES if parsers.targets(process)}
    before = pids(field)
    for process, targets in wanted.items():
        injection.force(before[process], targets)
    end = time.monotonic() + SECONDS
    with watched({name: pid for name, pid in before.items() if name != "sessiond"}, tmp_path / "strace"):
        while left := missing(field, wanted):
            assert time.monotonic() < end, left
            for step in STEPS:
                with suppress(*CONSEQUENCES):
                    step(field)
    for step in STEPS:
        step(field)
    assert pids(field) == before
    assert injection.SECRET not in log(field)
    assert "late_import" not in log(field)
    assert (tmp_path / "strace").read_text("utf-8") == ""


def test_an_exception_while_sessiond_comes_back_is_survived(field: Field) -> None:
    before = pids(field)
    for process, targets in parsers.WHEN_SESSIOND_STARTS.items():
        injection.force(before[process], targets)
    tour.restart(field, "sessiond")
    until(partial(raised, field, parsers.WHEN_SESSIOND_STARTS), "exceptions")
    after = pids(field)
    assert {process for process in PROCESSES if after[process] != before[process]} == {"sessiond"}
    tour.log_in_and_out(field)


def test_an_exception_at_a_reload_is_survived(field: Field) -> None:
    before = pids(field)
    for process, targets in parsers.AT_A_RELOAD.items():
        injection.force(before[process], targets)
    tour.other_rate(field)
    until(lambda: raised(field, parsers.AT_A_RELOAD), "the exceptions", SECONDS)
    tour.other_rate(field)
    assert pids(field) == before


@pytest.mark.parametrize("process", PROCESSES)
def test_an_exception_in_a_channel_is_survived(field: Field, process: str) -> None:
    before = pids(field)
    for target in parsers.CHANNEL:
        wanted = {process: (target,)}
        neighbour = tour.row(field, NEIGHBOURS[process])
        injection.force(before[process], [target])
        # The word of the end is the first that the process hears, and lost: it notices by itself.
        os.kill(neighbour["pid"], signal.SIGKILL)
        until(partial(raised, field, wanted), f"{target} in {process}")
        until(partial(tour.is_back, field, neighbour), f"another {NEIGHBOURS[process]}")
    assert pids(field)[process] == before[process]
    tour.log_in_and_out(field)
