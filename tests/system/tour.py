# SPDX-License-Identifier: GPL-3.0-or-later
"""A tour through everything that a gateway does, in short steps: each makes its processes speak of one thing.

Owns the steps and their order, and which messages nothing in them can cause. What is looked at meanwhile is the
caller's: which messages pass, what filters let through, what an exception does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from tests.bench.logins import INIT
from tests.interop.conftest import PASSWORD, WRONG, Field
from tests.interop.raw import Raw
from tests.system.whole_gateway import asked, sessions, status, until
from wolfguard.cli import client as api
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import ping
from wolfguard.cli.failure import CommandError
from wolfguard.crypto.digest import digest
from wolfguard.linux.namespace import Topology

LIMIT: Final = 5.0
"""Seconds for what one process tells another in its own time."""
NOT_CAUSED: Final = {
    "Offence": "the word of a process whose peer broke the rules of their channel",
    "Failed": "a start that fails: test_start.py",
    "ModuleFailure": "a cryptographic module that fails: test_module_faults.py",
    "HeldLost": "a helper that dies while it holds a session of PAM: test_pam_sessions.py",
    "OrderSessions": "a RADIUS server's order: tests/interop/radius/test_orders.py",
    "OrdersRefused": "an order of nobody who may give one: tests/interop/radius/test_orders.py",
    "Weakened": "a machine that refuses a part of the confinement: test_weakenings.py",
}
NOT_ASKED: Final = frozenset({"authd", "pam"})
"""Processes that nobody asks anything, since no backend that needs them can be configured yet."""


def edit_for(workers: int) -> Callable[[dict[str, Any]], None]:
    """Edits a site file so that the tour can be made: the machine's own client has DTLS under `compat`."""

    def edit(document: dict[str, Any]) -> None:
        document["workers"] = workers
        document["sites"][0] |= {"crypto_profile": "compat", "sessions_per_user": 100}
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    return edit


ADMINISTRATION: Final = (
    ("user add bob --password-stdin", f"{PASSWORD}\n"),
    ("user passwd bob --password-stdin", f"{PASSWORD}2\n"),
    ("user unlock bob", None),
    ("user list", None),
    ("user remove bob", None),
    ("sessions", None),
    ("status", None),
    ("events", None),
)
"""Every command that asks or changes something of users, sessions and records, and its standard input."""


def command(field: Field, words: str, stdin: str | None = None) -> None:
    result = field.site.wolfguard(*words.split(), stdin=stdin)
    assert result.returncode == 0, (words, result.stderr)


def log_in_and_out(field: Field) -> None:
    """A login, its tunnel, and its logout over a second connection."""
    before = numbers(field)
    authority = str(field.site.authority)
    with closing(Raw.open(field.topology.client, authority)) as raw:
        cookie = raw.log_in("alice", PASSWORD)
        assert raw.connect(cookie)[0] == 200
        (number,) = numbers(field) - before
    with closing(Raw.open(field.topology.client, authority)) as raw:
        raw.send(f"GET /logout HTTP/1.1\r\nHost: vpn\r\nCookie: webvpn={cookie}\r\n\r\n".encode())
        assert raw.answer()[0] == 200
    until(lambda: number not in numbers(field), "the end of the session", LIMIT)


def numbers(field: Field) -> set[int]:
    return {each["session"] for each in sessions(field, "alice")}


def wrong_password(field: Field) -> None:
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        try:
            raw.log_in("alice", WRONG)
        except ConnectionError:
            return
    raise AssertionError("a wrong password was taken")


def nonsense(field: Field) -> None:
    """What no client sends; its report comes within a second or two."""
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        raw.send(b"\x00\x01\x02\r\n\r\n")
        assert raw.answer()[0] == 400
    assert field.recorded("http_malformed")


def begin_anew(field: Field) -> None:
    """A client that begins a second login where it has begun one."""
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        for _ in range(2):
            assert raw.post("/", INIT.format(host="vpn", group=""))[0] == 200


def datagrams(field: Field) -> None:
    """A real client over DTLS, traffic, and an administrator who ends it."""
    client = Client(
        field.topology.client, f"https://{Topology.GATEWAY_V4}", field.site.authority, "alice", (PASSWORD,), dtls=True
    )
    try:
        client.connect()
        client.wait_dtls()
        ping(field.topology.client, Topology.UPSTREAM_V4, size=1000)
        until(lambda: any(each["datagram"] for each in sessions(field, "alice")), "DTLS in the sessions", LIMIT)
        command(field, "disconnect --user alice")
        client.wait_end()
    finally:
        client.stop()


def reload(field: Field) -> None:
    command(field, "reload")


def other_rate(field: Field) -> None:
    """A tunnel that may carry another amount from a reload on."""
    rate = field.site.document["sites"][0].setdefault("rate", {"up": 1_000_000_000})
    rate["up"] += 8
    field.site.write()
    with closing(Raw.open(field.topology.client, str(field.site.authority))) as raw:
        assert raw.connect(raw.log_in("alice", PASSWORD))[0] == 200
        reload(field)


def backup(field: Field) -> None:
    file = field.site.folder / "backup"
    file.unlink(missing_ok=True)
    command(field, f"backup {file} --config {field.site.configuration}")
    command(field, f"restore --check {file}")


def restart(field: Field, name: str) -> None:
    """SIGKILL; returns when a fresh process serves in its place."""
    before = row(field, name)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: is_back(field, before), f"{name} back")


def row(field: Field, name: str) -> dict[str, Any]:
    """Of the status."""
    found: dict[str, Any] = next(each for each in status(field)["processes"] if each["process"] == name)
    return found


def is_back(field: Field, before: dict[str, Any]) -> bool:
    """Whether a fresh process serves in the place of this row's."""
    rows = (asked(field, "status") or {"processes": []})["processes"]
    after = next((each for each in rows if each["process"] == before["process"]), None)
    return after is not None and after["restarts"] == before["restarts"] + 1 and after["state"] == "serving"


def evidence(field: Field) -> dict[str, Any]:
    """A signature with the gateway's evidence key over the digest of nothing."""
    with api.Client(field.site.control) as caller:
        try:
            return caller.ask(
                "POST", "/v1/evidence/sign", {"digest": digest("sha384", b"").hex(), "subject": "the tour"}
            )
        except CommandError as error:
            raise AssertionError(str(error)) from None


def whole(field: Field) -> None:
    """The tour, up to the gateway's own end by command."""
    for words, stdin in ADMINISTRATION:
        command(field, words, stdin)
    evidence(field)
    backup(field)
    wrong_password(field)
    log_in_and_out(field)
    begin_anew(field)
    nonsense(field)
    datagrams(field)
    reload(field)
    other_rate(field)
    for name in ("sessiond", "netd", "keyd", "authd", "pam", "mgmtd", "worker"):
        restart(field, name)
    log_in_and_out(field)
    command(field, "restart")
    log_in_and_out(field)
    command(field, "stop")
    assert field.gateway.process is not None
    assert field.gateway.process.wait(30) == 0
