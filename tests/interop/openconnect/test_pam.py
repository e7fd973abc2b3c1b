# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins through real PAM modules with the real client: every phase, and modules that hang, crash and flood."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import pam_ground, roots
from tests.interop.conftest import Build, Field
from tests.interop.raw import Raw
from tests.system.whole_gateway import status, until
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology
from wolfguard.sandbox.processes import PROCESSES

BUILD = Build(roots.CLIENTS[0], 4)
BACKENDS = ("unix", "pwdfile", "oath", "check", "hang", "crash", "flood")


@pytest.fixture(scope="module")
def machine(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    """One group a PAM service, of the same name on the machine, with all accounts in it."""

    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["backends"] = [
            {"name": name, "type": "pam", "timeout": 3, "pam": {"service": f"wg-{name}", "session": True}}
            for name in BACKENDS
        ]
        site = document["sites"][0]
        site["authentication"] = ["unix"]
        site["sessions_per_user"] = 100
        site["groups"] = [{"name": name, "authentication": [name]} for name in BACKENDS]
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    made = make_gateway(edit, runner=pam_ground.lay)
    yield made
    made.gateway.stop()


def log_in(machine: Field, clients: list[Client], service: str, user: str, *secrets: str, **settings: Any) -> Client:
    client = BUILD.client(machine, user, *secrets, options=(f"--authgroup={service}",), **settings)
    clients.append(client)
    return client


def test_unix_account(machine: Field, clients: list[Client]) -> None:
    log_in(machine, clients, "unix", "pia", pam_ground.PASSWORD).connect()
    assert '"method":"unix"' in machine.events().replace(" ", "")


def test_wrong_then_right(machine: Field, clients: list[Client]) -> None:
    client = log_in(machine, clients, "unix", "pia", "wrong password", pam_ground.PASSWORD)
    client.connect()
    assert client.said("Login failed")


def test_one_time_password(machine: Field, clients: list[Client]) -> None:
    """A second prompt becomes a second form; the code is not taken twice."""
    code = pam_ground.code()
    log_in(machine, clients, "oath", "paul", pam_ground.PASSWORD, code).connect()
    again = log_in(machine, clients, "oath", "paul", pam_ground.PASSWORD, code)
    again.start()
    assert again.wait_end() != 0
    assert again.said("Login failed")


def test_expired_password_is_changed(machine: Field, clients: list[Client]) -> None:
    new = "a much newer horse"
    client = log_in(machine, clients, "unix", "otto", pam_ground.PASSWORD, pam_ground.PASSWORD, new, new)
    client.connect()
    client.stop()
    log_in(machine, clients, "unix", "otto", new).connect()


@pytest.mark.parametrize("new", [("short", "short"), ("a much newer horse", "another horse")], ids=["short", "unlike"])
def test_a_new_password_that_is_refused(machine: Field, clients: list[Client], new: tuple[str, str]) -> None:
    """What pam_unix says of it is shown, and the old one stays due for a change."""
    client = log_in(machine, clients, "unix", "nora", pam_ground.PASSWORD, pam_ground.PASSWORD, *new)
    client.start()
    assert client.wait_end() != 0
    assert client.said("must (choose a longer password|be longer)|longer password|do not match")


def test_an_account_that_has_expired(machine: Field, clients: list[Client]) -> None:
    client = log_in(machine, clients, "unix", "emil", pam_ground.PASSWORD)
    client.start()
    assert client.wait_end() != 0
    assert client.said("Your account has expired")
    assert machine.recorded('"reason":"account_expired"')


def test_password_file_and_script(machine: Field, clients: list[Client]) -> None:
    client = log_in(machine, clients, "pwdfile", "paul", pam_ground.PASSWORD)
    client.connect()
    client.stop()
    log_in(machine, clients, "check", "pia", pam_ground.PASSWORD).connect()


@pytest.mark.parametrize(("service", "reason"), [("hang", "timeout"), ("crash", "crashed"), ("flood", "timeout")])
def test_a_module_that_misbehaves_takes_one_login(
    machine: Field, clients: list[Client], service: str, reason: str
) -> None:
    nursery = helpers(machine)
    client = log_in(machine, clients, service, "pia", pam_ground.PASSWORD)
    client.start()
    assert client.wait_end() != 0
    assert client.said("cannot be checked at the moment")
    record = next(line for line in machine.events().splitlines() if f'"method":"{service}"' in line.replace(" ", ""))
    assert f'"reason":"{reason}"' in record.replace(" ", "")
    # The helper has gone with all that it had started, and another is there in its place.
    until(lambda: helpers(machine) == nursery, "the helper replaced")
    log_in(machine, clients, "unix", "pia", pam_ground.PASSWORD).connect()


def test_a_client_that_leaves_frees_its_helper(machine: Field, clients: list[Client]) -> None:
    before = helpers(machine)
    client = log_in(machine, clients, "hang", "pia", pam_ground.PASSWORD)
    client.start()
    until(lambda: "sleep" in programs(machine), "the module at work")
    client.stop()
    until(lambda: "sleep" not in programs(machine) and helpers(machine) == before, "the helper freed", 2.0)
    assert machine.recorded('"abandoned"')


@pytest.mark.parametrize(
    "name", ["-rf", "--help", "../../etc/shadow", "$(reboot)", "a b", "pia:x", "%s%n", "ü" * 200, "pia\t"]
)
def test_odd_names_are_wrong_names(machine: Field, clients: list[Client], name: str) -> None:
    client = log_in(machine, clients, "unix", name, pam_ground.PASSWORD)
    client.start()
    assert client.wait_end() != 0
    assert client.said("Login failed")


def test_nothing_secret_is_written(machine: Field) -> None:
    log = machine.gateway.log.read_text("utf-8", "replace")
    assert pam_ground.PASSWORD not in log
    assert pam_ground.PASSWORD not in machine.events()


def test_the_exception_is_confined_as_far_as_it_is_said_to_be(machine: Field) -> None:
    nursery = pid(machine)
    kept = sum(1 << number for number in PROCESSES["nursery"].capabilities)
    for each in (nursery, *children(nursery)):
        lines = Path(f"/proc/{each}/status").read_text("ascii").splitlines()
        shown = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert shown["CapEff"] == shown["CapPrm"] == [f"{kept:016x}"]
        assert shown["CapBnd"] == shown["CapInh"] == shown["CapAmb"] == ["0" * 16]
        assert (shown["Seccomp"], shown["NoNewPrivs"], shown["Uid"][0]) == (["2"], ["1"], "0")
    for helper in children(nursery):
        links = [os.readlink(link) for link in Path(f"/proc/{helper}/fd").iterdir()]
        assert sorted(link.partition(":")[0] for link in links) == ["/dev/null"] * 3 + ["socket"]
        assert "Max address space         536870912" in Path(f"/proc/{helper}/limits").read_text("ascii")


@pytest.mark.parametrize(
    ("user", "password"),
    [(b"pia", b"x" * 1_000_000), (b"pia", b"a%00b"), (b"pia", b"%ff%fe"), (b"pi%00a", b"x"), (b"%ff", b"x")],
    ids=["1 MB", "NUL in password", "no UTF-8 in password", "NUL in name", "no UTF-8 in name"],
)
def test_bad_bytes_reach_no_module(machine: Field, user: bytes, password: bytes) -> None:
    raw = Raw.open(machine.topology.client, str(machine.site.authority))
    body = b"username=" + user + b"&password=" + password
    head = f"POST /auth HTTP/1.1\r\nHost: {Topology.GATEWAY_V4}\r\nContent-Length: {len(body)}\r\n\r\n"
    raw.send(head.encode() + body[: 64 * 1024])
    status_code, _, _ = raw.answer()
    assert status_code in (400, 413)
    raw.tls.close()


def pid(machine: Field) -> int:
    (found,) = [each["pid"] for each in status(machine)["processes"] if each["process"] == "nursery"]
    return int(found)


def children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii")
    return [int(word) for word in text.split()]


def helpers(machine: Field) -> int:
    return len(children(pid(machine)))


def programs(machine: Field) -> set[str]:
    """Names of what helpers have started."""
    names = set()
    for helper in children(pid(machine)):
        try:
            names |= {Path(f"/proc/{child}/comm").read_text("ascii").strip() for child in children(helper)}
        except FileNotFoundError:
            continue
    return names
