# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands against a real management socket: what they print, what they ask, how they fail.

Golden outputs are in `golden/`; run with WOLFGUARD_RENEW_GOLDEN=1 to renew them, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.cli.running import STARTED, fill, running
from tests.unit.procs.mgmtd.peers_fakes import Gateway
from wolfguard.cli import sessions
from wolfguard.cli.root import command
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import (
    AddUser,
    AskSupervisorStatus,
    Disconnect,
    Disconnected,
    ProcessStatus,
    ReadRecords,
    RecordBatch,
    Reload,
    ReloadReport,
    RemoveUser,
    Replace,
    ReplacementBegun,
    SetPassword,
    Shutdown,
    SupervisorStatus,
    UnlockUser,
)
from wolfguard.ipc.messages import Done
from wolfguard.procs.mgmtd.roles import Credentials, Role
from wolfguard.sandbox import weakening
from wolfguard.secret import Secret

GOLDEN = Path(__file__).parent / "golden"
RECORD = {
    "sequence": 41,
    "time": "2026-07-01T00:01:00.000Z",
    "event": "login.succeeded",
    "outcome": "success",
    "who": "alice",
    "where": "192.0.2.7",
    "session": 1,
    "reason": "",
    "fields": {"site": "main", "group": "", "user_agent": "AnyConnect v9\x1b[2J", "failures": 0},
    "previous": "00",
    "hash": "11",
}
REFUSED = {**RECORD, "sequence": 42, "event": "login.failed", "outcome": "failure", "session": 0, "reason": "password"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with running(tmp_path) as found:
        fill(found)
        monkeypatch.setattr("time.time", lambda: STARTED + 3600.0)
        yield found


def wolfguard(site: Gateway, *words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, ["--socket", str(site.path), *words], input=stdin)


def check_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("WOLFGUARD_RENEW_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("status.txt", ["status"]),
        ("status.json", ["status", "--json"]),
        ("sessions.txt", ["sessions"]),
        ("sessions-crypto.txt", ["sessions", "--crypto"]),
        ("sessions-alice.json", ["sessions", "--user", "alice", "--json"]),
        ("sessions-nobody.txt", ["sessions", "--user", "nobody"]),
        ("users.txt", ["user", "list"]),
        ("users.json", ["user", "list", "--json"]),
    ],
)
def test_what_is_shown(site: Gateway, name: str, words: list[str]) -> None:
    result = wolfguard(site, *words)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    check_golden(name, result.output)


def test_sessions_say_what_carries_them() -> None:
    over_tls = {"state": "connected", "datagram": None}
    waiting = {"state": "waiting", "datagram": None}
    approved = {"state": "connected", "datagram": {"version": "DTLS 1.2", "approved": True}}
    lax = {"state": "connected", "datagram": {"version": "DTLS 1.2", "approved": False}}
    found = [sessions.channel(item) for item in (over_tls, waiting, approved, lax)]
    assert found == ["TLS", "", "DTLS 1.2", "DTLS 1.2, not approved"]


def test_approval_speaks_of_both_channels() -> None:
    def told(*channels: tuple[bool, list[str]] | None) -> str:
        tls, datagram = (None if each is None else {"approved": each[0], "reasons": each[1]} for each in channels)
        return sessions.approval({"tls": tls, "datagram": datagram})

    assert told(None, None) == ""
    assert told((True, []), None) == "yes"
    assert told((True, ["A is not validated"]), (True, [])) == "yes, A is not validated"
    assert told((True, ["A is not validated"]), (False, ["no EMS"])) == "no: no EMS"
    assert told((False, ["B is not approved"]), (False, ["no EMS"])) == "no: B is not approved; no EMS"
    assert told((False, []), None) == "no: unknown"


def test_status_without_workers_claims_nothing(site: Gateway) -> None:
    site.peers.detach("worker", 0)
    site.peers.detach("netd", 0)
    result = wolfguard(site, "status")
    assert "verdict unknown" in result.output
    assert "NO ANSWER from netd" in result.output


def test_status_says_what_is_weakened(site: Gateway) -> None:
    missing = (Fact("landlock", "missing, allowed by the site"),)
    processes = (ProcessStatus("keyd", 0, 1001, "serving", STARTED, 0, missing),)
    site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("0.1.0", 2, STARTED, processes, ())
    shown = wolfguard(site, "status").output.splitlines()
    assert "weakened   no-landlock: refused by this machine, allowed by the site file" in shown[:3]
    assert json.loads(wolfguard(site, "status", "--json").output)["weakened"] == ["no-landlock"]


def test_status_says_who_learns(site: Gateway) -> None:
    facts = (Fact("landlock", "missing, allowed by the site"), Fact("seccomp", weakening.SECCOMP_LEARNING))
    processes = (ProcessStatus("worker", 0, 1001, "serving", STARTED, 0, facts),)
    site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("0.1.0", 2, STARTED, processes, ())
    shown = wolfguard(site, "status").output.splitlines()
    assert "weakened   no-landlock: refused by this machine, allowed by the site file" in shown[:4]
    assert f"weakened   learning: {weakening.REASONS[weakening.LEARNING]}" in shown[:4]
    assert json.loads(wolfguard(site, "status", "--json").output)["weakened"] == ["no-landlock", "learning"]


def test_events(site: Gateway) -> None:
    asked = site.sessiond.asked

    def stop_after_one_page(message: ReadRecords) -> RecordBatch:
        return (
            RecordBatch((), 42) if message.after >= 42 else RecordBatch((json.dumps(RECORD), json.dumps(REFUSED)), 42)
        )

    site.sessiond.answers[ReadRecords] = stop_after_one_page
    result = wolfguard(site, "events")
    assert result.exit_code == 0, result.output
    assert [message.after for message in asked if isinstance(message, ReadRecords)] == [2**63 - 1, 0, 42]
    check_golden("events.txt", result.output)
    result = wolfguard(site, "events", "--since", "40", "--json")
    assert [json.loads(line)["sequence"] for line in result.output.splitlines()] == [41, 42]


def test_disconnect(site: Gateway) -> None:
    site.sessiond.answers[Disconnect] = Disconnected(1)
    assert wolfguard(site, "disconnect", "1", "--text", "See you & bye").output == "Ended 1 session.\n"
    site.sessiond.answers[Disconnect] = Disconnected(3)
    assert wolfguard(site, "disconnect", "--user", "ali/ce").output == "Ended 3 sessions.\n"
    asked = [(each.session, each.user, each.text) for each in site.sessiond.asked if isinstance(each, Disconnect)]
    assert asked == [(1, "", "See you & bye"), (0, "ali/ce", "Disconnected by an administrator")]


@pytest.mark.parametrize(
    "words", [["disconnect"], ["disconnect", "1", "--user", "a"], ["disconnect", "0"], ["nothing"]]
)
def test_wrong_use(site: Gateway, words: list[str]) -> None:
    assert wolfguard(site, *words).exit_code == 2


def test_users(site: Gateway) -> None:
    for kind in (AddUser, RemoveUser, SetPassword, UnlockUser):
        site.sessiond.answers[kind] = Done()
    added = wolfguard(site, "user", "add", "carol", "--group", "a", "--group", "b", "--password-stdin", stdin="pass\n")
    assert added.output == "Added user carol.\n"
    asked = wolfguard(site, "user", "passwd", "carol", stdin="one\none\n")
    assert asked.exit_code == 0
    assert "one" not in asked.output
    assert wolfguard(site, "user", "unlock", "car/ol").exit_code == 0
    assert wolfguard(site, "user", "remove", "carol", "--json").output == "{}\n"
    first, second, third, fourth = site.sessiond.asked
    assert isinstance(first, AddUser)
    assert (first.name, first.groups, first.password) == ("carol", ("a", "b"), Secret(b"pass"))
    assert isinstance(second, SetPassword)
    assert second.password == Secret(b"one")
    assert isinstance(third, UnlockUser)
    assert third.name == "car/ol"
    assert isinstance(fourth, RemoveUser)


def test_passwords_that_differ_are_asked_again(site: Gateway) -> None:
    site.sessiond.answers[SetPassword] = Done()
    result = wolfguard(site, "user", "passwd", "carol", stdin="one\ntwo\nthree\nthree\n")
    assert result.exit_code == 0
    (asked,) = site.sessiond.asked
    assert isinstance(asked, SetPassword)
    assert asked.password == Secret(b"three")


def test_no_password_on_standard_input(site: Gateway) -> None:
    result = wolfguard(site, "user", "add", "carol", "--password-stdin", stdin="")
    assert result.exit_code == 1
    assert "no password on standard input" in result.output


def test_reload(site: Gateway) -> None:
    site.supervisor.answers[Reload] = ReloadReport(3, "", ("workers", "tun_prefix"))
    assert wolfguard(site, "reload").output == (
        "The gateway runs with configuration 3.\nThese changes wait for a restart: workers, tun_prefix.\n"
    )
    site.supervisor.answers[Reload] = ReloadReport(3, "/etc/site.yml:3: workers: is 99; allowed: 0 to 64", ())
    result = wolfguard(site, "reload")
    assert result.exit_code == 1
    assert result.output == "wolfguard: /etc/site.yml:3: workers: is 99; allowed: 0 to 64\n"


def test_stop(site: Gateway) -> None:
    site.supervisor.answers[Shutdown] = Done()
    assert wolfguard(site, "stop").output == "The gateway stops.\n"
    assert wolfguard(site, "stop", "--keep-sessions").output == "The gateway stops.\n"
    assert [asked for asked in site.supervisor.asked if isinstance(asked, Shutdown)] == [
        Shutdown(keep=False),
        Shutdown(keep=True),
    ]


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("done", 0, "Every process runs version 1.1 now.\n"),
        ("worker/0 does not start: it ended with status 9; the version before runs on", 1, "wolfguard: worker/0 does"),
    ],
)
def test_restart(site: Gateway, word: str, code: int, said: str) -> None:
    site.supervisor.answers[Replace] = ReplacementBegun("1.1", "")
    site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("1.1", 2, STARTED, (), (), word)
    result = wolfguard(site, "restart")
    assert (result.exit_code, result.output[: len(said)]) == (code, said)


def test_restart_that_does_not_begin(site: Gateway) -> None:
    site.supervisor.answers[Replace] = ReplacementBegun("", "the installed version needs another supervisor (x)")
    result = wolfguard(site, "restart", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["error"] == {
        "code": "not_replaceable",
        "text": "the installed version needs another supervisor (x)",
    }


def test_a_refusal_in_both_forms(site: Gateway) -> None:
    site.sessiond.answers[AddUser] = IpcError("exists", "There is a user 'bob' already.")
    result = wolfguard(site, "user", "add", "bob", "--password-stdin", stdin="pass\n")
    assert (result.exit_code, result.output) == (1, "wolfguard: There is a user 'bob' already.\n")
    result = wolfguard(site, "user", "add", "bob", "--password-stdin", "--json", stdin="pass\n")
    assert result.exit_code == 1
    assert json.loads(result.output) == {"error": {"code": "exists", "text": "There is a user 'bob' already."}}


def test_a_role_that_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Credentials(1001, frozenset((os.getgid(),)))
    monkeypatch.setattr("wolfguard.procs.mgmtd.server.peer_credentials", lambda connection: stranger)
    with running(tmp_path, Role.AUDITOR) as site:
        result = wolfguard(site, "stop")
    assert result.exit_code == 4
    assert "uid:1001 is auditor; this needs root or group wolfguard-admin" in result.output


def test_no_gateway(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["status", "--socket", str(tmp_path / "none.sock")])
    assert result.exit_code == 3
    assert "start it with" in result.output


def test_a_command_of_its_own_socket_wins(site: Gateway, tmp_path: Path) -> None:
    words = ["--socket", str(tmp_path / "none.sock"), "reload", "--socket", str(site.path)]
    site.supervisor.answers[Reload] = ReloadReport(3, "", ())
    assert CliRunner().invoke(command, words).exit_code == 0
