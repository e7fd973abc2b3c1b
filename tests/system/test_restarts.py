# SPDX-License-Identifier: GPL-3.0-or-later
"""Every process is killed in turn, the supervisor last: what it was for comes back, and clients keep what they have."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw
from tests.system.whole_gateway import Json, asked, connected, kept, pinging, pings, sessions, status, until
from wolfguard.linux.namespace import Topology


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    """One gateway for all of this file: every process dies once or more."""

    def edit(document: dict[str, Any]) -> None:
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    made = make_gateway(edit)
    made.add_user("alice")
    made.add_user("bob")
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def alice(field: Field) -> Iterator[Json]:
    """Alice's session; her client is connected all the while."""
    with connected(field, "alice") as session:
        yield session


def process(field: Field, name: str, slot: int = 0) -> Json:
    """The row of a process in the status; empty while nobody can tell."""
    rows = (asked(field, "status") or {"processes": []})["processes"]
    return next((row for row in rows if (row["process"], row["slot"]) == (name, slot)), {})


def kill(field: Field, name: str, slot: int = 0) -> None:
    """SIGKILL; returns when a fresh process serves in its place."""
    before = process(field, name, slot)
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        row = process(field, name, slot)
        return bool(row.get("restarts") == before["restarts"] + 1 and row["state"] == "serving")

    until(is_back, f"{name} back")
    assert process(field, name, slot)["pid"] != before["pid"]


def log_in(field: Field) -> None:
    """A new login and its tunnel, then its end by an administrator."""
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        cookie = raw.log_in("bob", PASSWORD)
        assert raw.connect(cookie)[0] == 200
        assert [each["user"] for each in sessions(field, "bob")] == ["bob"]
        result = field.site.wolfguard("disconnect", "--user", "bob")
        assert result.returncode == 0, result.stderr


def records(field: Field) -> list[Json]:
    result = field.site.wolfguard("events", "--since", "0", "--json")
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def lost(field: Field) -> list[tuple[int, int]]:
    """Slot and sessions of each worker that was lost: once for each death."""
    fields = [each["fields"] for each in records(field) if each["event"] == "worker.lost"]
    return [(each["slot"], each["count"]) for each in fields]


def check(field: Field, alice: Json) -> None:
    """What must hold after every restart."""
    (session,) = sessions(field, "alice")
    assert kept(session) == kept(alice)
    log_in(field)
    numbers = [record["sequence"] for record in records(field)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", ["keyd", "sessiond", "netd", "mgmtd", "authd", "pam"])
def test_tunnels_do_not_notice(field: Field, alice: Json, name: str) -> None:
    with pinging(field):
        kill(field, name)
        check(field, alice)


def test_the_worker_of_others(field: Field, alice: Json) -> None:
    (session,) = sessions(field, "alice")
    with pinging(field):
        kill(field, "worker", 1 - session["slot"])
        check(field, alice)
    assert lost(field) == [(1 - session["slot"], 0)]


def test_the_worker_of_the_session(field: Field, alice: Json) -> None:
    (session,) = sessions(field, "alice")
    kill(field, "worker", session["slot"])
    until(lambda: pings(field), "traffic again")
    check(field, alice)
    assert lost(field) == [(1 - session["slot"], 0), (session["slot"], 1)]


def test_the_wait_grows_and_the_status_says_so(field: Field, alice: Json) -> None:
    before = process(field, "pam")["restarts"]
    for _ in range(2):
        kill(field, "pam")
    assert process(field, "pam")["restarts"] == before + 2
    waits = [float(wait) for wait in re.findall(r"restart child=pam wait=([\d.]+)", field.gateway.log.read_text())]
    assert waits[-1] == 2 * waits[-2]


def alive(pid: int) -> bool:
    """A process that has ended may stand in the table until a container's first process looks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_supervisor(field: Field, alice: Json) -> None:
    pids = [each["pid"] for each in status(field)["processes"]]
    gateway = field.topology.gateway
    assert field.gateway.process is not None
    os.kill(field.gateway.process.pid, signal.SIGKILL)
    field.gateway.process.wait()
    until(lambda: not any(alive(pid) for pid in pids), "the end of all children")
    assert "vpn" not in gateway.run("ip", "-o", "link", "show")
    # Until the next gateway is there, nothing for a client may leave by another way.
    assert Topology.INSIDE_V4 in gateway.run("ip", "-4", "route", "show", "type", "unreachable")
    assert Topology.INSIDE_V6 in gateway.run("ip", "-6", "route", "show", "type", "unreachable")
    field.gateway.start()
    until(lambda: pings(field), "the client's return")
    check(field, alice)
