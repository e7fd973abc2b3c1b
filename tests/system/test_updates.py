# SPDX-License-Identifier: GPL-3.0-or-later
"""Another version takes over from the one that runs: process after process, or by one stop that keeps sessions."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Field
from tests.system.versions import Versions
from tests.system.whole_gateway import Json, connected, kept, pinging, pings, sessions, status, until
from wolfguard.errors import StartError
from wolfguard.linux.namespace import Topology

GAP_SECONDS = 30.0


@pytest.fixture(scope="module")
def versions() -> Iterator[Versions]:
    # confined processes read the code: not below pytest's own folder, which is closed to others
    folder = Path(tempfile.mkdtemp(prefix="wolfguard-test-"))
    made = Versions(folder / "root")
    folder.chmod(0o755)
    for number in ("1.0", "1.1"):
        made.add(number)
    broken = made.add("1.2")
    (broken / "procs" / "worker" / "__main__.py").write_text("raise SystemExit(9)\n")
    other = made.add("2.0")
    with (other / "procs" / "supervisor" / "service.py").open("a") as file:
        file.write("# another supervisor\n")
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field], versions: Versions) -> Iterator[Field]:
    def edit(document: dict[str, Any]) -> None:
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}
        document["workers"] = 2

    made = make_gateway(edit, python=versions.use("1.0"))
    made.add_user("alice")
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def alice(field: Field) -> Iterator[Json]:
    with connected(field, "alice") as session:
        yield session


def pids(field: Field) -> dict[tuple[str, int], int]:
    return {(each["process"], each["slot"]): each["pid"] for each in status(field)["processes"]}


def restart(field: Field) -> subprocess.CompletedProcess[str]:
    return field.site.wolfguard("restart")


def is_kept(field: Field, alice: Json) -> None:
    """Her client has come back to the very session, and carries."""
    until(lambda: pings(field), "traffic")
    (session,) = sessions(field, "alice")
    assert kept(session) == kept(alice)


def losses(field: Field) -> list[str]:
    """Which processes the records call lost."""
    return [name for name in ("worker.lost", "network.lost") for _ in range(field.events().count(f'"{name}"'))]


def gap(field: Field, act: Callable[[], object]) -> float:
    """Seconds without an answer, the longest, while and after something is done."""
    command = ["ping", "-n", "-D", "-i", "0.05", Topology.UPSTREAM_V4]
    asking = subprocess.Popen(field.topology.client.inside(command), stdout=subprocess.PIPE, text=True)
    try:
        act()
        until(lambda: pings(field), "traffic", GAP_SECONDS)
    finally:
        asking.send_signal(signal.SIGINT)
        said, _ = asking.communicate()
    times = [float(number) for number in re.findall(r"^\[([\d.]+)\] .* ttl=", said, re.MULTILINE)]
    return max(later - earlier for earlier, later in pairwise(times))


def test_process_after_process(field: Field, alice: Json, versions: Versions) -> None:
    before = pids(field)
    supervisor = field.gateway.process
    assert supervisor is not None
    versions.use("1.1")

    def update() -> None:
        result = restart(field)
        assert (result.returncode, result.stdout) == (0, "Every process runs version 1.1 now.\n"), result.stderr

    print(f"without an answer for {gap(field, update):.2f} s")
    after = status(field)
    assert after["version"] == "1.1"
    assert after["silent"] == []
    assert {each["restarts"] for each in after["processes"]} == {0}
    assert not before.items() & pids(field).items()
    assert supervisor.poll() is None
    for pid in pids(field).values():
        assert "/versions/1.1/" in Path(f"/proc/{pid}/maps").read_text()
    is_kept(field, alice)
    assert losses(field) == []


def test_a_session_of_another_worker_notices_nothing_of_one(field: Field, alice: Json) -> None:
    """Slot by slot: by the log, no worker is told to end before the one before it serves again."""
    lines = [
        line
        for line in field.gateway.log.read_text().splitlines()
        if re.search(r"supervisor (spawned|ready|ended) child=worker", line)
    ]
    begun = len(lines) - 6
    words = [re.search(r"supervisor (\w+) child=(worker/\d)", line) for line in lines[begun:]]
    assert [word.groups() for word in words if word] == [
        (what, f"worker/{slot}") for slot in (0, 1) for what in ("ended", "spawned", "ready")
    ]


def test_a_version_whose_worker_does_not_start(field: Field, alice: Json, versions: Versions) -> None:
    versions.use("1.2")
    result = restart(field)
    assert result.returncode == 1
    assert "worker/0 does not start: it ended with status 9; the version before runs on" in result.stderr
    until(lambda: status(field)["silent"] == [], "all processes")
    assert status(field)["version"] == "1.1"
    for pid in pids(field).values():
        assert "/versions/1.1/" in Path(f"/proc/{pid}/maps").read_text()
    is_kept(field, alice)


def test_a_version_with_another_supervisor_changes_nothing(field: Field, alice: Json, versions: Versions) -> None:
    versions.use("2.0")
    before = pids(field)
    with pinging(field):
        result = restart(field)
    assert result.returncode == 1
    assert "needs another supervisor (wolfguard.procs.supervisor.service)" in result.stderr
    assert pids(field) == before
    is_kept(field, alice)


def test_a_version_that_others_can_write(field: Field, alice: Json, versions: Versions) -> None:
    prefix = Path(versions.use("1.0")).parents[1]
    before = pids(field)
    prefix.chmod(0o777)
    result = restart(field)
    prefix.chmod(0o755)
    assert result.returncode == 1
    assert "can be written by others than root" in result.stderr
    assert pids(field) == before


def test_a_stop_that_keeps_sessions(field: Field, alice: Json, versions: Versions) -> None:
    python = versions.use("2.0")

    def update() -> None:
        result = field.site.wolfguard("stop", "--keep-sessions")
        assert result.returncode == 0, result.stderr
        field.gateway.wait()
        field.gateway.python = python
        field.gateway.start()

    print(f"without an answer for {gap(field, update):.2f} s")
    assert status(field)["version"] == "2.0"
    is_kept(field, alice)
    # neither by the stop nor by a version that has not passed
    assert losses(field) == []


def test_a_version_that_does_not_start_ends_no_session(field: Field, alice: Json, versions: Versions) -> None:
    assert field.site.wolfguard("stop", "--keep-sessions").returncode == 0
    field.gateway.wait()
    good, field.gateway.python = field.gateway.python, versions.use("1.2")
    with pytest.raises(StartError, match=r"worker/\d cannot start: it ended with status 9"):
        field.gateway.start()
    field.gateway.python = good
    field.gateway.start()
    is_kept(field, alice)


def test_a_stop_ends_them(field: Field, alice: Json) -> None:
    assert field.site.wolfguard("stop").returncode == 0
    field.gateway.wait()
    begun = time.monotonic()
    field.gateway.start()
    assert time.monotonic() - begun < GAP_SECONDS
    assert sessions(field, "alice") == []
