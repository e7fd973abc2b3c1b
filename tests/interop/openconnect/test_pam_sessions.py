# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of PAM live as long as those of the gateway: opened at the login, closed at the end, whatever the end is."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import pam_ground, roots
from tests.interop.conftest import Build, Field
from tests.system import injection, memory, proc_files
from tests.system.whole_gateway import sessions, status, until
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

BUILD = Build(roots.CLIENTS[0], 4)
LINE = f"wg-note pia {Topology.CLIENT_V4} vpn default"
OPENED, CLOSED = f"open_session {LINE}", f"close_session {LINE}"


def make(make_gateway: Callable[..., Field], *, held: int = 3) -> Field:
    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["backends"] = [
            {
                "name": name,
                "type": "pam",
                "timeout": 10,
                "pam": {"service": f"wg-{name}", "session": name != "unix", "spare": 0, "sessions": held},
            }
            for name in ("unix", *pam_ground.SESSIONS)
        ]
        site = document["sites"][0]
        site["authentication"] = ["unix"]
        site["sessions_per_user"] = 100
        site["groups"] = [{"name": each["name"], "authentication": [each["name"]]} for each in document["backends"]]
        site["groups"].append({"name": "check", "authentication": ["note", "refuse"]})

    return make_gateway(edit, runner=pam_ground.lay)


@pytest.fixture(scope="module")
def machine(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make(make_gateway)
    yield made
    made.gateway.stop()


@pytest.fixture(autouse=True)
def empty(machine: Field) -> Iterator[None]:
    """Each test begins without sessions, and with an empty page."""
    until(lambda: not helpers(machine), "helpers of the test before gone")
    (machine.site.folder / "etc" / "noted").unlink(missing_ok=True)
    yield
    machine.site.wolfguard("disconnect", "--user", "pia")


def client(machine: Field, clients: list[Client], service: str = "note", device: str = "tun0") -> Client:
    made = BUILD.client(
        machine, "pia", pam_ground.PASSWORD, pam_ground.PASSWORD, options=(f"--authgroup={service}",), device=device
    )
    clients.append(made)
    return made


def noted(machine: Field) -> list[str]:
    return pam_ground.noted(machine.site.folder)


def process(machine: Field, name: str) -> int:
    (found,) = [each["pid"] for each in status(machine)["processes"] if each["process"] == name]
    return int(found)


def helpers(machine: Field) -> list[int]:
    """Those of the nursery's children that are under its filter: the watcher of one that learns is not."""
    nursery = process(machine, "nursery")
    text = Path(f"/proc/{nursery}/task/{nursery}/children").read_text("ascii")
    filters = proc_files.status(nursery)["Seccomp_filters"]
    found = []
    for pid in map(int, text.split()):
        # One may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if proc_files.status(pid)["Seccomp_filters"] == filters:
                found.append(pid)
    return found


def test_open_while_the_session_lives(machine: Field, clients: list[Client]) -> None:
    made = client(machine, clients)
    made.connect()
    assert noted(machine) == [OPENED]
    assert len(helpers(machine)) == 1
    made.stop()
    until(lambda: noted(machine) == [OPENED, CLOSED], "the session closed")
    until(lambda: not helpers(machine), "its helper gone")
    assert "login.session-lost" not in machine.events()


def test_a_helper_that_stays_has_no_password(machine: Field, clients: list[Client]) -> None:
    """Neither as it was typed nor as it travelled."""
    client(machine, clients).connect()
    (helper,) = helpers(machine)
    password = pam_ground.PASSWORD.encode()
    assert memory.search(helper, {"there": b"wg-note"}), "the search finds what is there"
    assert memory.search(helper, {"typed": password, "travelled": base64.b64encode(password)}) == []


def test_an_administrator_ends_it(machine: Field, clients: list[Client]) -> None:
    client(machine, clients).connect()
    assert machine.site.wolfguard("disconnect", "--user", "pia").returncode == 0
    until(lambda: noted(machine) == [OPENED, CLOSED], "the session closed")


def test_a_further_factor_that_refuses_closes_it(machine: Field, clients: list[Client]) -> None:
    """The first factor's session is not left open for a login that came to nothing."""
    made = client(machine, clients, "check")
    made.start()
    assert made.wait_end() != 0
    until(lambda: noted(machine) == [OPENED, CLOSED], "the session closed")
    assert sessions(machine, "pia") == []


def test_a_session_that_modules_refuse(machine: Field, clients: list[Client]) -> None:
    made = client(machine, clients, "refuse")
    made.start()
    assert made.wait_end() != 0
    assert made.said("Login failed")
    assert machine.recorded('"reason":"session"')


def test_a_helper_that_is_killed_is_recorded_and_the_tunnel_goes_on(machine: Field, clients: list[Client]) -> None:
    made = client(machine, clients)
    made.connect()
    (helper,) = helpers(machine)
    os.kill(helper, signal.SIGKILL)
    assert machine.recorded("login.session-lost")
    assert '"reason":"crashed"' in machine.events()
    assert [each["state"] for each in sessions(machine, "pia")] == ["connected"]


def test_a_defect_where_a_loss_is_heard_is_survived(machine: Field, clients: list[Client]) -> None:
    sessiond, target = process(machine, "sessiond"), "handler:pam.HeldLost"
    client(machine, clients).connect()
    injection.force(sessiond, [target])
    os.kill(helpers(machine)[0], signal.SIGKILL)
    log = machine.gateway.log
    until(lambda: f"RuntimeError at {injection.mark(target)}" in log.read_text("utf-8", "replace"), "the exception")
    assert process(machine, "sessiond") == sessiond


def test_a_module_that_does_not_let_go_is_ended(machine: Field, clients: list[Client]) -> None:
    made = client(machine, clients, "stay")
    made.connect()
    made.stop()
    until(lambda: not helpers(machine), "the helper ended")
    (line,) = [each for each in machine.events().splitlines() if '"method":"stay"' in each and "session-lost" in each]
    assert '"reason":"timeout"' in line


def test_no_more_than_may_be_held(machine: Field, clients: list[Client]) -> None:
    for number in range(3):
        client(machine, clients, device=f"tun{number}").connect()
    made = client(machine, clients)
    made.start()
    assert made.wait_end() != 0
    assert made.said("cannot be checked at the moment")
    assert machine.recorded('"reason":"sessions"')
    client(machine, clients, "unix", "tun3").connect()


def test_a_sessiond_that_starts_anew_finds_what_is_held(machine: Field, clients: list[Client]) -> None:
    made = client(machine, clients)
    made.connect()
    before = process(machine, "sessiond")
    os.kill(before, signal.SIGKILL)
    until(lambda: "sessiond" in _serving(machine) and process(machine, "sessiond") != before, "sessiond back")
    until(lambda: [each["state"] for each in sessions(machine, "pia")] == ["connected"], "the session taken back")
    assert noted(machine) == [OPENED]
    made.stop()
    until(lambda: noted(machine) == [OPENED, CLOSED], "the session closed")


def test_pam_that_dies_leaves_no_session_open(machine: Field, clients: list[Client]) -> None:
    client(machine, clients).connect()
    os.kill(process(machine, "pam"), signal.SIGKILL)
    until(lambda: noted(machine) == [OPENED, CLOSED], "the session closed")
    assert machine.recorded('"reason":"away"')
    assert [each["state"] for each in sessions(machine, "pia")] == ["connected"]
    until(lambda: "pam" in _serving(machine), "pam back")
    client(machine, clients, device="tun1").connect()


def test_the_end_of_the_gateway_closes_all(make_gateway: Callable[..., Field], clients: list[Client]) -> None:
    made = make(make_gateway)
    for number in range(3):
        client(made, clients, device=f"tun{number}").connect()
    assert made.gateway.stop() == 0
    assert sorted(noted(made)) == [CLOSED] * 3 + [OPENED] * 3


def _serving(machine: Field) -> set[str]:
    result = machine.site.wolfguard("status", "--json")
    if result.returncode != 0:
        return set()
    return {each["process"] for each in status(machine)["processes"] if each["state"] == "serving"}
