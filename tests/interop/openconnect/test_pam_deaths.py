# SPDX-License-Identifier: GPL-3.0-or-later
"""nursery and pam die while logins hang in modules: these are answered, others go on, and both come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import pam_ground, roots
from tests.interop.conftest import PASSWORD, Build, Field
from tests.system.whole_gateway import status, until
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology

BUILD = Build(roots.CLIENTS[0], 4)
HANGING = 6


@pytest.fixture(scope="module")
def machine(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["backends"] = [
            {"name": name, "type": "pam", "timeout": 60, "pam": {"service": f"wg-{name}"}} for name in ("unix", "hang")
        ]
        site = document["sites"][0]
        site["authentication"] = ["unix"]
        site["sessions_per_user"] = 100
        site["groups"] = [{"name": name, "authentication": [name]} for name in ("unix", "hang")]
        site["groups"].append({"name": "house", "authentication": ["local"]})
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    made = make_gateway(edit, runner=pam_ground.lay)
    made.add_user("holly", "house")
    yield made
    made.gateway.stop()


def client(machine: Field, clients: list[Client], group: str, number: int = 0) -> Client:
    user, password = ("holly", PASSWORD) if group == "house" else ("pia", pam_ground.PASSWORD)
    made = BUILD.client(machine, user, password, options=(f"--authgroup={group}",), device=f"tun{number}")
    clients.append(made)
    return made


def process(machine: Field, name: str) -> int:
    found = [each["pid"] for each in status(machine)["processes"] if each["process"] == name]
    return int(found[0]) if found else 0


def serving(machine: Field, name: str, but: int) -> bool:
    return any(
        each["process"] == name and each["state"] == "serving" and each["pid"] != but
        for each in status(machine)["processes"]
    )


def sleeping() -> set[int]:
    """What modules have started, wherever it hangs in the tree by now."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes() == f"sleep\0{pam_ground.HANG_SECONDS}\0".encode():
                found.add(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("name", ["nursery", "pam"])
def test_logins_that_hang_are_answered_and_others_go_on(machine: Field, clients: list[Client], name: str) -> None:
    connected = client(machine, clients, "unix")
    connected.connect()
    before = sleeping()
    hanging = [client(machine, clients, "hang", number) for number in range(1, HANGING + 1)]
    for each in hanging:
        each.start()
    until(lambda: len(sleeping() - before) == HANGING, "all modules at work")
    victim = process(machine, name)
    others = {each: process(machine, each) for each in ("sessiond", "worker", "pam", "nursery") if each != name}
    os.kill(victim, signal.SIGKILL)
    # A login that has nothing to do with PAM does not wait for any of it.
    client(machine, clients, "house", HANGING + 1).connect()
    for each in hanging:
        assert each.wait_end(10.0) != 0
        assert each.said("cannot be checked at the moment")
    until(lambda: serving(machine, name, victim), f"{name} back")
    client(machine, clients, "unix", HANGING + 2).connect()
    ping(machine.topology.client, Topology.UPSTREAM_V4)
    until(lambda: sleeping() <= before, "what modules had started ended")
    assert {each: process(machine, each) for each in others} == others
    assert machine.recorded("login.unavailable")
    assert "account.locked" not in machine.events()
