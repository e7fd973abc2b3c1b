# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd on a real Unix socket: roles by the kernel's word, acts by messages, a record of each act, bounds."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import h11
import pytest

from tests.unit.procs.mgmtd.peers_fakes import Caller, FakePeer, gateway, run
from wolfguard.ipc.errors import IpcError, IpcTimeout
from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import (
    Actor,
    AddUser,
    AdminEvent,
    AskNetdStatus,
    AskSessiondStatus,
    AskSupervisorStatus,
    AskWorkerStatus,
    Counter,
    Disconnect,
    Disconnected,
    ListSessions,
    ListUsers,
    NetdStatus,
    ProcessStatus,
    ReadRecords,
    RecordBatch,
    Reload,
    ReloadReport,
    RemoveUser,
    SessiondStatus,
    SessionTable,
    SetPassword,
    Shutdown,
    SupervisorStatus,
    UnlockUser,
    UserInfo,
    UserTable,
    WorkerStatus,
)
from wolfguard.ipc.messages import Done
from wolfguard.procs.mgmtd import roles
from wolfguard.procs.mgmtd.conversation import Times
from wolfguard.procs.mgmtd.roles import Accounts, Credentials, Role
from wolfguard.procs.mgmtd.server import Bounds
from wolfguard.secret import Secret

NAMES = Accounts({}, {os.getuid(): "tester"})


def test_status(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            netd, worker, other = FakePeer(), FakePeer(), FakePeer()
            site.peers.attach("netd", 0, netd)
            site.peers.attach("worker", 0, worker)
            site.peers.attach("worker", 1, other)
            process = ProcessStatus("worker", 0, 77, "ready", 5, 1, (Fact("seccomp", "filter"),))
            site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("1.0", 2, 3, (process,), ("[::]:443",))
            site.sessiond.answers[AskSessiondStatus] = SessiondStatus(
                4, 3, (Fact("10.99.0.0/16", "4 of 65533"),), 9, ()
            )
            netd.answers[AskNetdStatus] = NetdStatus(4, (Fact("firewall", "loaded"),))
            facts = (Fact("library", "wolfSSL 5.9.2"), Fact("verdict", "none"), Fact("meaning", "It is a test."))
            worker.answers[AskWorkerStatus] = WorkerStatus(3, 5, (Counter("a", 1), Counter("zero", 0)), facts)
            other.answers[AskWorkerStatus] = IpcTimeout("slow")
            status, body = await (await site.connect()).ask("GET", "/v1/status")
            assert status == 200
            assert body["version"] == "1.0"
            assert body["processes"][0]["confinement"] == {"seccomp": "filter"}
            assert body["modules"] == [
                {
                    "process": "keyd",
                    "slot": 0,
                    "library": "5.9.2",
                    "module": "",
                    "integrity": "intact",
                    "selftest_ms": 18.4,
                    "tests": {"sha256": "passed"},
                },
                dict.fromkeys(("library", "module", "integrity", "selftest_ms", "tests"), None)
                | {"process": "worker", "slot": 0},
            ]
            assert body["pools"] == {"10.99.0.0/16": "4 of 65533"}
            assert body["counters"] == {"a": 1}
            assert body["fips"] == {"verdict": "none", "library": "wolfSSL 5.9.2", "meaning": "It is a test."}
            assert body["facts"]["netd"] == {"firewall": "loaded"}
            assert body["silent"] == ["worker/1"]
            assert site.sessiond.told == [AdminEvent(Actor(0, "uid:0", "admin"), "status", "success", "")]

    run(scenario)


def test_status_says_who_is_silent(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.peers.detach("sessiond", 0)
            site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("1.0", 2, 3, (), ())
            status, body = await (await site.connect()).ask("GET", "/v1/status")
            assert status == 200
            assert body["sessions"] is None
            assert body["fips"]["verdict"] == "unknown"
            assert body["silent"] == ["sessiond", "netd"]

    run(scenario)


ACTS: list[tuple[str, str, object, type, Any, Any]] = [
    ("GET", "/v1/sessions?after=7&limit=3", None, ListSessions, SessionTable((), 0), ListSessions(7, 3)),
    (
        "DELETE",
        "/v1/sessions/17?text=Bye%20now",
        None,
        Disconnect,
        Disconnected(1),
        Disconnect(Actor(1001, "ann", "admin"), 17, "", "Bye now"),
    ),
    (
        "POST",
        "/v1/disconnect",
        {"user": "bob"},
        Disconnect,
        Disconnected(2),
        Disconnect(Actor(1001, "ann", "admin"), 0, "bob", "Disconnected by an administrator"),
    ),
    (
        "POST",
        "/v1/users",
        {"name": "bob", "password": "correct horse", "groups": ["staff"]},
        AddUser,
        Done(),
        AddUser(Actor(1001, "ann", "admin"), "bob", Secret(b"correct horse"), ("staff",)),
    ),
    ("DELETE", "/v1/users/b%C3%B6b", None, RemoveUser, Done(), RemoveUser(Actor(1001, "ann", "admin"), "böb")),
    (
        "PUT",
        "/v1/users/bob/password",
        {"password": "x"},
        SetPassword,
        Done(),
        SetPassword(Actor(1001, "ann", "admin"), "bob", Secret(b"x")),
    ),
    ("POST", "/v1/users/bob/unlock", None, UnlockUser, Done(), UnlockUser(Actor(1001, "ann", "admin"), "bob")),
    ("GET", "/v1/users", None, ListUsers, UserTable((UserInfo("bob", ("a",), 0, 1, 2, 3),), "bob"), ListUsers("", 100)),
    (
        "GET",
        "/v1/events?after=4&wait=30",
        None,
        ReadRecords,
        RecordBatch(('{"sequence":5}',), 5),
        ReadRecords(4, 100, 30),
    ),
]


@pytest.mark.parametrize(("method", "target", "body", "kind", "reply", "message"), ACTS)
def test_an_act_becomes_a_message(
    tmp_path: Path, caller_is: Any, method: str, target: str, body: object, kind: type, reply: Any, message: Any
) -> None:
    accounts = caller_is(1001, 903)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers[kind] = reply
            status, _ = await (await site.connect()).ask(method, target, body)
            assert status == 200
            assert site.sessiond.asked == [message]
            # Reading acts are recorded here; the others by the one who does them.
            assert len(site.sessiond.told) == (1 if method == "GET" else 0)

    run(scenario)


def test_answers_have_what_the_others_said(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers[ListUsers] = UserTable((UserInfo("bob", ("a", "b"), 0, 1, 2, 3),), "bob")
            site.sessiond.answers[ReadRecords] = RecordBatch(('{"sequence":5,"who":"ann"}',), 8)
            caller = await site.connect()
            _, users = await caller.ask("GET", "/v1/users")
            _, events = await caller.ask("GET", "/v1/events")
            assert users["users"][0]["groups"] == ["a", "b"]
            assert users["next"] == "bob"
            assert events == {"records": [{"sequence": 5, "who": "ann"}], "last": 8}

    run(scenario)


def test_reload_and_shutdown_are_recorded_here(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.supervisor.answers[Reload] = ReloadReport(3, "", ("workers",))
            site.supervisor.answers[Shutdown] = Done()
            caller = await site.connect()
            assert await caller.ask("POST", "/v1/reload") == (200, {"generation": 3, "needs_restart": ["workers"]})
            site.supervisor.answers[Reload] = ReloadReport(3, "site.yml:1: wrong", ())
            status, body = await caller.ask("POST", "/v1/reload")
            assert (status, body["error"]["text"]) == (409, "site.yml:1: wrong")
            assert (await caller.ask("POST", "/v1/shutdown"))[0] == 200
            acts = [(told.act, told.outcome) for told in site.sessiond.told if isinstance(told, AdminEvent)]
            assert acts == [("reload", "success"), ("reload", "configuration"), ("shutdown", "success")]

    run(scenario)


def test_following_records_leaves_one_record(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers[ReadRecords] = RecordBatch((), 0)
            caller = await site.connect()
            for _ in range(5):
                await caller.ask("GET", "/v1/events?wait=1")
            assert len(site.sessiond.told) == 1

    run(scenario)


@pytest.mark.parametrize(
    ("group", "method", "target", "expected"),
    [
        (None, "GET", "/v1/status", 403),
        (None, "GET", "/v1/nothing", 403),
        (901, "GET", "/v1/sessions", 200),
        (901, "DELETE", "/v1/sessions/1", 403),
        (901, "POST", "/v1/reload", 403),
        (902, "DELETE", "/v1/sessions/1", 200),
        (902, "POST", "/v1/users", 403),
        (902, "POST", "/v1/shutdown", 403),
        (903, "DELETE", "/v1/users/bob", 200),
    ],
)
def test_roles(tmp_path: Path, caller_is: Any, group: int | None, method: str, target: str, expected: int) -> None:
    accounts = caller_is(1001, *([group] if group else []))

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers = {
                ListSessions: SessionTable((), 0),
                Disconnect: Disconnected(1),
                RemoveUser: Done(),
            }
            status, body = await (await site.connect()).ask(method, target)
            assert status == expected
            if expected == 403:
                assert "wolfguard-admin" in body["error"]["text"]
                assert [told.outcome for told in site.sessiond.told if isinstance(told, AdminEvent)] == ["refused"]
                assert site.sessiond.asked == []

    run(scenario)


def test_refusals_are_recorded_once_a_minute_for_each_user(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(1001)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            caller = await site.connect()
            for _ in range(3):
                await caller.ask("GET", "/v1/status")
            assert len(site.sessiond.told) == 1
            site.clock.now += 61
            await caller.ask("GET", "/v1/status")
            assert len(site.sessiond.told) == 2

    run(scenario)


@pytest.mark.parametrize(
    ("method", "target", "body", "expected", "words"),
    [
        ("GET", "/v2/status", None, 404, "no such path"),
        ("POST", "/v1/status", None, 405, "allowed for this path: GET"),
        ("GET", "/v1/sessions?limit=101", None, 400, "limit must be a number from 0 to 100"),
        ("GET", "/v1/sessions?limit=-1", None, 400, "limit must be"),
        ("GET", "/v1/sessions?after=1&after=2", None, 400, "twice"),
        ("GET", "/v1/sessions?x=1", None, 400, "unknown name 'x'"),
        ("GET", "/v1/sessions?=&", None, 400, "the query is not"),
        ("DELETE", "/v1/sessions/a", None, 400, "session must be a number"),
        ("DELETE", "/v1/sessions/1%00", None, 400, "session must be a number"),
        ("DELETE", "/v1/users/%00", None, 400, "control characters"),
        ("DELETE", "/v1/users/%ff", None, 400, "not UTF-8"),
        ("POST", "/v1/users", {"name": "bob"}, 400, "password is missing"),
        ("POST", "/v1/users", {"name": "", "password": "x"}, 400, "name must be text"),
        ("POST", "/v1/users", {"name": "a" * 257, "password": "x"}, 400, "name must be text"),
        ("POST", "/v1/users", {"name": 3, "password": "x"}, 400, "name must be text"),
        ("POST", "/v1/users", {"name": "a", "password": "x", "groups": "b"}, 400, "groups must be a list"),
        ("POST", "/v1/users", {"name": "a", "password": "x", "groups": [""]}, 400, "groups must be text"),
        ("POST", "/v1/users", {"name": "a", "password": "x", "role": "admin"}, 400, "unknown name 'role'"),
        ("POST", "/v1/users", b'{"name": "a", "password": "\\ud800"}', 400, "must be Unicode"),
        ("POST", "/v1/users", b"[]", 400, "not a JSON object"),
        ("POST", "/v1/users", b"{", 400, "not JSON"),
        ("POST", "/v1/users", b"x" * 70_000, 413, "Content-Length 70000"),
    ],
)
def test_bad_requests(
    tmp_path: Path, caller_is: Any, method: str, target: str, body: object, expected: int, words: str
) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            status, answer = await (await site.connect()).ask(method, target, body)
            assert status == expected
            assert words in answer["error"]["text"]
            assert site.sessiond.asked == []

    run(scenario)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (IpcError("exists", "there is a user bob"), 409),
        (IpcError("invalid", "too short"), 400),
        (IpcError("missing", "no user"), 404),
        (IpcError("denied", "needs admin"), 403),
        (IpcError("busy", "later"), 503),
        (IpcTimeout("slow"), 504),
        (IpcError("internal", "its log says where"), 500),
    ],
)
def test_what_another_process_refuses(tmp_path: Path, caller_is: Any, error: IpcError, expected: int) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers[AddUser] = error
            caller = await site.connect()
            status, body = await caller.ask("POST", "/v1/users", {"name": "bob", "password": "x"})
            assert status == expected
            assert body == {"error": {"code": error.code, "text": error.text}}

    run(scenario)


def test_a_process_that_is_being_restarted(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.peers.detach("sessiond", 0)
            status, body = await (await site.connect()).ask("GET", "/v1/sessions")
            assert status == 503
            assert body["error"]["text"] == "sessiond is being restarted; try again in a moment"

    run(scenario)


def test_no_session_of_that_number(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            site.sessiond.answers[Disconnect] = Disconnected(0)
            status, _ = await (await site.connect()).ask("DELETE", "/v1/sessions/3")
            assert status == 404

    run(scenario)


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_no_http(tmp_path: Path, caller_is: Any, junk: bytes) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts) as site:
            caller = await site.connect()
            await caller.send(junk)
            assert (await caller.receive()).startswith(b"HTTP/1.1 400 ")
            assert await caller.receive() == b""

    run(scenario)


@pytest.mark.parametrize("sent", [b"", b"GET /v1/status HTTP/1.1\r\n"])
def test_a_silent_caller_is_let_go(tmp_path: Path, caller_is: Any, sent: bytes) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts, times=Times(request=0.05, idle=0.05)) as site:
            caller = await site.connect()
            await caller.send(sent)
            assert await caller.receive() == b""

    run(scenario)


def test_one_user_holds_a_few_connections_only(tmp_path: Path, caller_is: Any) -> None:
    accounts = caller_is(0)

    async def scenario() -> None:
        async with gateway(tmp_path, accounts, bounds=Bounds(connections_per_user=2)) as site:
            site.sessiond.answers[ListSessions] = SessionTable((), 0)
            first, second = await site.connect(), await site.connect()
            assert (await first.ask("GET", "/v1/sessions"))[0] == 200
            assert (await second.ask("GET", "/v1/sessions"))[0] == 200
            third = await site.connect()
            assert await third.receive() == b""
            first.close()
            # The server may see the first one's end only after it has turned one more away.
            while not await is_served(await site.connect()):
                pass

    run(scenario)


async def is_served(caller: Caller) -> bool:
    try:
        return (await caller.ask("GET", "/v1/sessions"))[0] == 200
    except (ConnectionError, h11.RemoteProtocolError):
        return False


def test_credentials_are_what_the_kernel_says(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        caller.connect(str(tmp_path / "s"))
        accepted, _ = listener.accept()
        with accepted:
            found = roles.peer_credentials(accepted)
    assert found.uid == os.getuid()
    assert found.groups == frozenset((os.getgid(), *os.getgroups()))


def test_the_highest_role_wins() -> None:
    accounts = Accounts({901: Role.AUDITOR, 903: Role.ADMIN}, {})
    assert accounts.role(Credentials(1001, frozenset((5, 901, 903)))) is Role.ADMIN
    assert accounts.role(Credentials(1001, frozenset((5,)))) is Role.NOBODY
    assert accounts.role(Credentials(0, frozenset())) is Role.ADMIN


def test_accounts_of_this_machine() -> None:
    assert roles.read_accounts().names[0] == "root"
