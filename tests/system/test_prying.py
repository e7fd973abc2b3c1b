# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody but root looks into a process of the gateway, not even another process of its own user; and none leaves a core
dump."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.system.manifest import children
from tests.system.processes import edited, how_it_ended, pids, until_replaced

# Read by whoever may read the tests: the accounts of processes may not.
PRYING = Path(__file__).with_name("prying.py").read_text("utf-8")
WAYS = ("ptrace", "process_vm_readv", "environ", "maps", "fd", "mem")
NAMES = ("keyd", "netd", "sessiond", "authd", "pam", "mgmtd", "worker/0")


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(1))
    yield made
    made.gateway.stop()


def pry(pid: int, user: str) -> dict[str, str]:
    """What each way of looking into a process gives to a user without capabilities."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PRYING, str(pid)],
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_its_own_user_may_not_look(field: Field, name: str) -> None:
    user = children()[name.partition("/")[0]]["user"]
    place = name if name in pids(field) else "worker"
    assert pry(pids(field)[place], user) == dict.fromkeys(WAYS, "refused")


def test_its_own_user_may_look_at_others() -> None:
    # Else the test above could not fail.
    user = "wolfguard-worker"
    sleeper = subprocess.Popen(["sleep", "60"], user=user, group=user, extra_groups=[], cwd="/")
    try:
        assert pry(sleeper.pid, user) == dict.fromkeys(WAYS, "done")
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_leaves_no_core(field: Field, name: str) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    before = cores()
    place = name if name in pids(field) else "worker"
    pid = pids(field)[place]
    os.kill(pid, signal.SIGABRT)
    assert how_it_ended(field, pid) == "was ended by SIGABRT"
    until_replaced(field, {place: pid})
    # A program that takes core dumps would be told of none either: the process may not be dumped.
    assert pattern.startswith("|") or cores() == before


def cores() -> set[Path]:
    """Where the kernel puts them by default: the folder in which the process was, which is /."""
    return set(Path("/").glob("core*"))
