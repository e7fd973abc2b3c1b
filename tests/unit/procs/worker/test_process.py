# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker between a data plane and sessiond, both fakes: what clients, sessiond and the supervisor get from it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.procs.worker.fakes import (
    APP_ID,
    FORM,
    GRANT,
    LIBRARY,
    PEER,
    SUITES,
    TLS,
    FakePlane,
    Stage,
    configuration,
    opened,
    site,
    started,
)
from tests.unit.protocol.playbook import request, vector
from wolfguard.config.site import Limits
from wolfguard.engine import Data, Datagram, Rates, Refused, Tunnel, TunnelDatagram, TunnelRekeyed, TunnelTimer
from wolfguard.engine import TunnelClosed as TunnelEnded
from wolfguard.errors import LocalError, StartError
from wolfguard.ipc.channel import Sender
from wolfguard.ipc.errors import IpcError, IpcTimeout
from wolfguard.ipc.life import Fact
from wolfguard.ipc.logins import LoginAnswer, LoginCancel, LoginStep, Logout
from wolfguard.ipc.management import AskWorkerStatus, Counter
from wolfguard.ipc.tunnels import (
    DatagramFacts,
    EndTunnel,
    ListTunnels,
    LiveTunnel,
    SetRates,
    TunnelClosed,
    TunnelOpen,
    TunnelRates,
    WorkerEvent,
)
from wolfguard.ipc.tunnels import TunnelDatagram as TunnelDatagramTold
from wolfguard.procs.worker.process import Worker
from wolfguard.secret import Secret

INIT = vector("9.12", "init")
REPLY = vector("9.12", "reply-right")
CONNECT = vector("9.12", "connect-tls12")
SENDER = Sender("sessiond", 0)


def play(scene: Callable[[Stage], Awaitable[None]], *, attached: bool = True, **given: Any) -> None:
    async def run() -> None:
        async with Stage(**given) as stage:
            if attached:
                await stage.attach()
            await scene(stage)

    asyncio.run(run())


def test_nobody_is_let_in_before_sessiond_and_keyd_are_there() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.plane.took("start") == []
        await stage.worker.attached("sessiond", 0, stage.sessiond)  # type: ignore[arg-type]
        await stage.worker.attached_raw("keyd", 0, 0, 100)
        await stage.settle()
        assert stage.plane.took("start") == []
        await stage.worker.attached_raw("keyd", 0, 1, 101)
        await stage.settle()
        assert stage.plane.took("start") == [("start",)]
        assert stage.plane.took("set_sign_channel") == [("set_sign_channel", 0, 100), ("set_sign_channel", 1, 101)]

    play(scene, attached=False)


def test_login() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, INIT)
        assert stage.sessiond.asked == [
            LoginStep("", "main", PEER, TLS, "Open AnyConnect VPN Agent v9.12", "", ()),
        ]
        (form,) = stage.plane.answers(1)
        assert '<input type="password" name="password" label="Password:"/>' in form
        stage.sessiond.answers[LoginStep] = LoginAnswer("done", "flow2", cookie=Secret(b"c00kie"), banner="Hello")
        await stage.say(Data(1, REPLY))
        step = stage.sessiond.asked[-1]
        assert isinstance(step, LoginStep)
        assert (step.flow, step.group) == ("flow2", "staff")
        assert step.fields == (("username", Secret(b"alice")), ("password", Secret(b"right")))
        assert "Set-Cookie: webvpn=c00kie;" in stage.plane.answers(1)[-1]
        assert stage.plane.took("read") == [("read", 1)] * 2

    play(scene)


def test_tunnel() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        assert stage.sessiond.asked == [
            TunnelOpen(
                cookie=Secret(b"cookieXYZ123456"),
                site="main",
                peer=PEER,
                tls=TLS,
                user_agent="Open AnyConnect VPN Agent v9.12",
                hostname="laptop",
                base_mtu=9216,
                mtu=9000,
                want_ipv4=True,
                want_ipv6=True,
            )
        ]
        assert stage.plane.took("read") == []
        names = [call[0] for call in stage.plane.calls[-2:]]
        assert names == ["authenticated", "start_tunnel"]
        _, conn, head, tunnel = stage.plane.calls[-1]
        assert conn == 1
        assert isinstance(head, bytes)
        assert b"X-CSTP-Address-IP6: fd99::5/128\r\n" in head
        assert b"X-CSTP-Session-Timeout-Remaining: 1800\r\n" in head
        assert tunnel == Tunnel(
            session=7,
            epoch=3,
            index=2,
            ipv4=bytes([10, 99, 0, 5]),
            ipv6=bytes.fromhex("fd990000000000000000000000000005"),
            networks=((bytes([10, 8, 0, 0]), 16), (bytes.fromhex("fd08") + bytes(14), 64)),
            mtu=1390,
            dpd=90_000,
            keepalive=300_000,
            rekey=6_313_000,
            idle=600_000,
            lifetime=1_800_000,
            record_limit=16_777_216,
            datagram=Datagram(APP_ID, SUITES, require_extended_master_secret=True),
            rates=Rates(1000, 65536, 2000, 131072),
        )
        assert f"X-DTLS-App-ID: {APP_ID.hex()}\r\n".encode() in head
        assert b"X-DTLS-Port: 443\r\n" in head

    play(scene)


def test_tunnel_without_datagrams() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, vector("9.12", "connect-tls13-no-dtls"))
        _, _, head, tunnel = stage.plane.calls[-1]
        assert isinstance(tunnel, Tunnel)
        assert isinstance(head, bytes)
        assert tunnel.datagram is None
        assert b"X-DTLS-" not in head

    play(scene)


def test_datagrams_are_told_to_sessiond_and_listed() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        await stage.say(TunnelDatagram(7, 3, "up", SUITES[0], True, ""))
        assert stage.sessiond.told == [TunnelDatagramTold(7, 3, "up", SUITES[0], True, "")]
        listed: Any = await stage.worker.handlers("sessiond")[ListTunnels](ListTunnels(), SENDER)
        assert listed.tunnels == (LiveTunnel(7, 3, DatagramFacts("DTLS 1.2", SUITES[0], True)),)

    play(scene)


def test_refused_datagrams_are_counted_with_the_clients_address() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        await stage.say(*[TunnelDatagram(7, 3, "refused", "", False, "datagram_no_ems")] * 3)
        assert stage.sessiond.told == [TunnelDatagramTold(7, 3, "refused", "", False, "datagram_no_ems")]
        status: Any = await stage.worker.handlers("mgmtd")[AskWorkerStatus](AskWorkerStatus(), SENDER)
        assert Counter("datagram_no_ems", 3) in status.counters
        await stage.worker.stop(drain=True)
        assert WorkerEvent("refused", PEER.address, "datagram_no_ems", 1) in stage.sessiond.told

    play(scene)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (IpcError("cookie"), 401, "log in again"),
        (IpcError("denied", "Not from here"), 403, "Not from here"),
        (IpcError("busy", "No address is free"), 503, "No address is free"),
        (IpcError("internal"), 503, "try again"),
        (IpcTimeout(), 503, "try again"),
    ],
)
def test_tunnel_refused(error: IpcError, status: int, reason: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessiond.answers[TunnelOpen] = error
        await stage.client(1, CONNECT)
        (answer,) = stage.plane.answers(1)
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert reason in answer
        assert stage.plane.took("write")[0][3] is True

    play(scene)


def test_sessiond_is_away() -> None:
    async def scene(stage: Stage) -> None:
        await stage.worker.detached("sessiond", 0)
        for conn, data in enumerate((INIT, CONNECT, request("GET", "/logout", b"", "Cookie: webvpn=a"))):
            await stage.client(conn, data)
            (answer,) = stage.plane.answers(conn)
            assert answer.startswith("HTTP/1.1 503 ")

    play(scene)


def test_ends_of_tunnels_wait_for_sessiond() -> None:
    async def scene(stage: Stage) -> None:
        await stage.worker.detached("sessiond", 0)
        await stage.say(TunnelEnded(7, 3, "bye", 0xB0, b"user\n"))
        await stage.attach()
        assert stage.sessiond.told == [TunnelClosed(7, 3, "bye_user", user_left=True, detail="user")]

    play(scene)


def test_a_fault_in_a_question_does_not_leave_the_client_waiting() -> None:
    async def scene(stage: Stage) -> None:
        stage.sessiond.answers[LoginStep] = LoginAnswer("done", "flow")
        await stage.client(1, INIT)
        assert stage.plane.answers(1)[0].startswith("HTTP/1.1 503 ")

    play(scene)


def test_a_defect_ends_the_connection_that_met_it_and_no_other(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(server: object, data: bytes) -> None:
        raise RuntimeError("what nobody expected")

    async def scene(stage: Stage) -> None:
        await stage.client(1)
        await stage.client(2)
        with monkeypatch.context() as patch:
            patch.setattr("wolfguard.protocol.http.HttpServer.receive", defect)
            await stage.say(Data(1, INIT))
        await stage.say(Data(2, INIT))
        assert stage.plane.took("close") == [("close", 1)]
        assert len(stage.plane.answers(2)) == 1
        assert "event_failed kind=Data" in caplog.text

    play(scene)


def test_client_goes_while_sessiond_works() -> None:
    async def scene(stage: Stage) -> None:
        answer: asyncio.Future[LoginAnswer] = asyncio.get_running_loop().create_future()
        stage.sessiond.answers[LoginStep] = answer
        await stage.client(1, REPLY)
        await stage.lose(1)
        assert stage.sessiond.told == [LoginCancel("flow2")]
        answer.set_result(LoginAnswer("done", "flow2", cookie=Secret(b"c00kie")))
        await stage.settle()
        assert stage.sessiond.asked[-1] == Logout(Secret(b"c00kie"))
        assert stage.plane.answers(1) == []

    play(scene)


def test_client_goes_while_its_tunnel_is_granted() -> None:
    async def scene(stage: Stage) -> None:
        grant: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        stage.sessiond.answers[TunnelOpen] = grant
        await stage.client(1, CONNECT)
        await stage.lose(1)
        grant.set_result(GRANT)
        await stage.settle()
        assert stage.sessiond.told == [TunnelClosed(7, 3, "client_gone", user_left=False)]
        assert stage.plane.took("start_tunnel") == []

    play(scene)


def test_tunnel_that_could_not_start() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        await stage.lose(1, "write_overflow")
        assert stage.sessiond.told == [TunnelClosed(7, 3, "client_gone", user_left=False)]
        assert (await stage.worker.handlers("sessiond")[ListTunnels](ListTunnels(), SENDER)).tunnels == ()  # type: ignore[union-attr]

    play(scene)


def test_tunnel_that_the_data_plane_cannot_make() -> None:
    async def scene(stage: Stage) -> None:
        stage.plane.refuse_tunnels = "mtu"
        await stage.client(1, CONNECT)
        assert stage.sessiond.told == [TunnelClosed(7, 3, "client_gone", user_left=False)]
        assert stage.plane.took("close") == [("close", 1)]

    play(scene)


@pytest.mark.parametrize(
    ("told", "reason", "left"),
    [
        (TunnelEnded(7, 3, "bye", 0xB0, b""), "bye_user", True),
        (TunnelEnded(7, 3, "bye", 0x91, b""), "bye_reconnecting", False),
        (TunnelEnded(7, 3, "bye", -1, b""), "bye_other", False),
        (TunnelEnded(7, 3, "dpd_timeout", 0, b""), "dpd_timeout", False),
        (TunnelEnded(7, 3, "replaced", 0, b""), "replaced", False),
    ],
)
def test_ends_of_tunnels(told: TunnelEnded, reason: str, left: bool) -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        await stage.say(told)
        assert stage.sessiond.told == [TunnelClosed(7, 3, reason, user_left=left)]

    play(scene)


@pytest.mark.parametrize("timer", ["idle", "expired"])
def test_timers_end_tunnels_with_a_farewell(timer: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        await stage.say(TunnelTimer(7, 3, timer))
        ((_, session, epoch, bye),) = stage.plane.took("end_tunnel")
        assert (session, epoch) == (7, 3)
        assert isinstance(bye, bytes)
        await stage.say(TunnelEnded(7, 3, "ended", 0, b""), TunnelRekeyed(8, 1))
        assert stage.sessiond.told == [TunnelClosed(7, 3, timer, user_left=False)]

    play(scene)


def test_orders_of_sessiond() -> None:
    async def scene(stage: Stage) -> None:
        end = stage.worker.handlers("sessiond")[EndTunnel]
        await end(EndTunnel(7, 3, bye=True, text="kicked"), SENDER)
        await end(EndTunnel(8, 4, bye=False, text=""), SENDER)
        assert stage.plane.took("end_tunnel") == [("end_tunnel", 7, 3, b"\x00kicked"), ("end_tunnel", 8, 4, None)]
        await stage.worker.handlers("sessiond")[SetRates](SetRates(7, 3, TunnelRates(1, 65536, 0, 0)), SENDER)
        assert stage.plane.took("set_rates") == [("set_rates", 7, 3, Rates(1, 65536, 0, 0))]

    play(scene)


def test_list_of_tunnels_has_pages_and_those_on_their_way() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1, CONNECT)
        stage.plane.alive = [(9, 1), (2, 5)]
        ask = stage.worker.handlers("sessiond")[ListTunnels]
        first: Any = await ask(ListTunnels(after=0, limit=2), SENDER)
        assert (first.tunnels, first.next) == ((LiveTunnel(2, 5), LiveTunnel(7, 3)), 7)
        rest: Any = await ask(ListTunnels(after=first.next, limit=2), SENDER)
        assert (rest.tunnels, rest.next) == ((LiveTunnel(9, 1),), 0)

    play(scene)


def test_a_wrong_library_refuses_the_start() -> None:
    async def scene() -> None:
        worker = Worker(lambda start: FakePlane(), library=lambda: dataclasses.replace(LIBRARY, problem="it is older"))
        with pytest.raises(StartError, match=r"libwolfssl is not the one that was built .* it is older"):
            await worker.prepare(started())

    asyncio.run(scene())


def test_status() -> None:
    async def scene(stage: Stage) -> None:
        stage.plane.alive = [(9, 1)]
        await stage.client(1, request("GET", "/nothing"))
        status: Any = await stage.worker.handlers("mgmtd")[AskWorkerStatus](AskWorkerStatus(), SENDER)
        assert (status.tunnels, status.connections) == (1, 1)
        assert status.counters == (Counter("accepted", 5), Counter("http_path", 1))
        assert Fact("gso", "on") in status.facts
        assert {Fact(name, value) for name, value in LIBRARY.facts().items()} < set(status.facts)

    play(scene)


def test_bad_input_is_summed_up_and_told() -> None:
    async def scene(stage: Stage) -> None:
        for conn in range(3):
            await stage.client(conn, b"\x16\x03\x01")
            await stage.lose(conn)
        await stage.say(Refused("203.0.113.9", "refused_source_rate", 40))
        await stage.worker.stop(drain=True)
        assert stage.sessiond.told == [
            WorkerEvent("bad_input", "192.0.2.7", "http_malformed", 3, "not HTTP/1.1"),
            WorkerEvent("refused", "203.0.113.9", "refused_source_rate", 40),
        ]

    play(scene)


def test_broken_record_is_bad_input() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1)
        await stage.lose(1, "record_broken")
        await stage.worker.stop(drain=True)
        assert stage.sessiond.told == [WorkerEvent("bad_input", "192.0.2.7", "record_broken", 1)]

    play(scene)


def test_too_many_logins_in_progress() -> None:
    async def scene(stage: Stage) -> None:
        stage.sessiond.answers[LoginStep] = asyncio.get_running_loop().create_future()
        await stage.client(1, INIT)
        await stage.client(2, INIT)
        assert len(stage.sessiond.asked) == 1
        assert stage.plane.answers(2)[0].startswith("HTTP/1.1 503 ")
        await stage.lose(1)
        await stage.worker.stop(drain=True)

    play(scene, given=configuration(Limits(logins=1)))


def test_too_many_clients() -> None:
    async def scene(stage: Stage) -> None:
        for conn in range(3):
            await stage.client(conn)
        assert stage.plane.took("close") == [("close", 2)]
        await stage.lose(0)
        await stage.client(3)
        assert len(stage.plane.took("close")) == 1

    play(scene, given=configuration(Limits(half_open=1, logins=1)))


def test_unfinished_requests_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wolfguard.procs.worker.clients.HELD_MAX", 3000)

    async def scene(stage: Stage) -> None:
        part = request("POST", "/", b"x" * 2000)[:-1]
        await stage.client(1, part)
        await stage.client(2, part)
        assert stage.plane.answers(1) == []
        assert stage.plane.answers(2)[0].startswith("HTTP/1.1 503 ")
        await stage.lose(1)
        await stage.lose(2)
        await stage.client(3, part)
        assert stage.plane.answers(3) == []

    play(scene)


def test_site_that_a_reload_removed() -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(opened(1, "gone"))
        assert stage.plane.took("close") == [("close", 1)]

    play(scene)


def test_reload() -> None:
    async def scene(stage: Stage) -> None:
        await stage.client(1)
        changed = configuration(Limits(half_open=7, body_bytes=10), site("other"))
        assert await stage.worker.reconfigure(started(changed, 2)) == ("limits.half_open",)
        assert [each.name for each in stage.plane.sites] == ["other"]
        await stage.say(Data(1, INIT))
        assert stage.sessiond.asked
        await stage.say(opened(2, "other"), Data(2, INIT))
        assert stage.plane.answers(2)[0].startswith("HTTP/1.1 413 ")

    play(scene)


def test_reload_that_the_tls_library_cannot_do() -> None:
    async def scene(stage: Stage) -> None:
        stage.plane.refuse_sites = "no such group"
        with pytest.raises(LocalError, match="no such group"):
            await stage.worker.reconfigure(started(configuration(None, site("other"))))
        await stage.client(1, INIT)
        assert stage.plane.answers(1)

    play(scene)


def test_start_that_the_tls_library_cannot_do() -> None:
    async def run() -> None:
        stage = Stage()
        stage.plane.refuse_sites = "no such suite"
        with pytest.raises(StartError, match="no such suite"):
            await stage.__aenter__()

    asyncio.run(run())


def test_stop_with_farewell() -> None:
    async def scene(stage: Stage) -> None:
        stage.plane.alive = [(7, 3)]
        await stage.client(1, REPLY)
        await stage.worker.stop(drain=False)
        assert [call[0] for call in stage.plane.calls if call[0] != "write"][-3:] == ["close", "end_tunnel", "stop"]
        assert stage.plane.took("end_tunnel")[0][1:3] == (7, 3)

    play(scene)


def test_stop_to_drain_says_nothing() -> None:
    async def scene(stage: Stage) -> None:
        stage.plane.alive = [(7, 3)]
        stage.sessiond.answers[LoginStep] = asyncio.get_running_loop().create_future()
        await stage.client(1, REPLY)
        await stage.worker.stop(drain=True)
        assert stage.plane.took("end_tunnel") == []
        assert stage.plane.took("stop") == [("stop",)]
        assert stage.sessiond.told == [LoginCancel("flow2")]

    play(scene)


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessiond.answers[LoginStep] = LoginAnswer("form", "flow1", form=FORM, cookie=Secret(b"never"))
        await stage.client(1, REPLY)
        stage.sessiond.answers[LoginStep] = LoginAnswer("done", "flow1", cookie=Secret(b"two words"))
        await stage.say(Data(1, REPLY))
        assert stage.plane.answers(1)[-1].startswith("HTTP/1.1 503 ")
        assert caplog.records
        for secret in ("right", "two words", "never", "flow2"):
            assert secret not in caplog.text

    with caplog.at_level(0):
        play(scene)
