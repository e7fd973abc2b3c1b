# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations with a connection, one a test."""

from __future__ import annotations

import pytest

from tests.unit.protocol.playbook import FORM, OFFER, RELEASES, Playbook, answer, connection, request, vector
from wolfguard.errors import LocalError
from wolfguard.protocol import tunnel
from wolfguard.protocol.agent import identify
from wolfguard.protocol.commands import (
    AskLogin,
    AskLogout,
    AskTunnel,
    CancelLogin,
    DropTunnel,
    Fault,
    Report,
    Send,
    StartTunnel,
)
from wolfguard.protocol.connection import REQUESTS_MAX, State
from wolfguard.protocol.events import (
    LoggedOut,
    LoginCompleted,
    LoginPrompted,
    LoginRefused,
    Lost,
    Received,
    TunnelGranted,
    TunnelRefused,
    Unavailable,
)
from wolfguard.protocol.http import Limits
from wolfguard.protocol.login_page import Field, Form
from wolfguard.protocol.tunnel_head import TunnelOffer
from wolfguard.secret import Secret

COOKIE = Secret(b"bearer-of-the-session")
AWAY = Unavailable("unavailable", "come back later")
INIT = vector("9.01", "init")
AGENT = "Open AnyConnect VPN Agent v9.01-3"
ASK_FIRST = AskLogin("", "", (), AGENT)
CONNECT = request("CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: webvpn=bearer", "X-CSTP-Version: 1")
ASK_TUNNEL = AskTunnel(
    tunnel.TunnelRequest(
        cookie=Secret(b"bearer"),
        agent=identify(""),
        hostname="",
        base_mtu=1500,
        mtu=0,
        want_ipv4=True,
        want_ipv6=False,
    )
)


def fields(password: bytes) -> tuple[tuple[str, Secret], ...]:
    return (("username", Secret(b"alice")), ("password", Secret(password)))


@pytest.mark.parametrize("release", RELEASES)
def test_login_with_group_choice_wrong_then_right(release: str) -> None:
    agent = {
        "9.01": AGENT,
        "9.12": "Open AnyConnect VPN Agent v9.12",
        "9.21": "AnyConnect-compatible OpenConnect VPN Agent v9.21",
    }[release]
    again = Form(FORM.auth_id, FORM.message, "Login failed.", FORM.banner, FORM.fields)
    player = connection()
    (
        Playbook(player)
        .on(vector(release, "init"), AskLogin("", "", (), agent))
        .on(
            LoginPrompted("flow1", FORM),
            answer(
                200,
                'type="auth-request"',
                "<banner>Authorised use only</banner>",
                '<opaque is-for="sg"><flow>flow1</flow></opaque>',
                "Set-Cookie: webvpncontext=flow1; path=/; Secure; HttpOnly",
                '<select name="group_list" label="GROUP:"><option value="guests" selected="true">Guests</option>',
                '<input type="password" name="password" label="Password:"/>',
            ),
        )
        .on(vector(release, "init-group"), CancelLogin("flow1"), AskLogin("", "staff", (), agent))
        .on(LoginPrompted("flow2", FORM), answer(200, "<flow>flow2</flow>"))
        .on(vector(release, "reply-wrong"), AskLogin("flow2", "staff", fields(b"wrong"), agent))
        .on(LoginPrompted("flow2", again), answer(200, "<error>Login failed.</error>"))
        .on(vector(release, "reply-right"), AskLogin("flow2", "staff", fields(b"right"), agent))
        .on(
            LoginCompleted("flow2", COOKIE, "Welcome & enjoy"),
            answer(
                200,
                "Set-Cookie: webvpn=bearer-of-the-session; path=/; Secure; HttpOnly",
                'type="complete"',
                '<auth id="success"><title>SSL VPN Service</title><banner>Welcome &amp; enjoy</banner></auth>',
            ),
        )
    )
    assert player.state is State.REQUEST


@pytest.mark.parametrize("release", RELEASES)
def test_login_without_xml(release: str) -> None:
    agent = identify({"9.21": "AnyConnect-compatible OpenConnect VPN Agent v9.21"}.get(release, "")).text
    agent = agent or ("Open AnyConnect VPN Agent v9.12" if release == "9.12" else AGENT)
    (
        Playbook(connection())
        .on(vector(release, "plain-get"), AskLogin("", "", (), agent))
        .on(
            LoginPrompted("flow5", FORM),
            answer(
                200, '\r\n\r\n<?xml version="1.0" encoding="UTF-8"?>\n<auth id="main"><banner>', "webvpncontext=flow5"
            ),
        )
        .on(vector(release, "plain-reply"), AskLogin("flow5", "guests", fields(b"right"), agent))
        .on(LoginCompleted("flow5", COOKIE), answer(200, '?>\n<auth id="success">', "webvpn=bearer-of-the-session"))
    )


def test_a_round_on_a_new_connection() -> None:
    Playbook(connection()).on(INIT, ASK_FIRST).on(LoginPrompted("flow2", FORM), answer(200)).on(Lost())
    Playbook(connection()).on(vector("9.01", "reply-right"), AskLogin("flow2", "staff", fields(b"right"), AGENT)).on(
        LoginCompleted("flow2", COOKIE), answer(200)
    )


def test_a_group_in_the_url() -> None:
    (
        Playbook(connection())
        .on(vector("9.01", "init-path"), AskLogin("", "guests", (), AGENT))
        .on(LoginPrompted("flow", FORM), answer(200, '<form method="post" action="/guests">'))
    )


@pytest.mark.parametrize("path", ["/Staff%20people", "/staff", "/staff/", "/staff?ignored=1", "https://vpn/staff"])
def test_a_group_by_label_or_name_in_the_url(path: str) -> None:
    Playbook(connection()).on(request("GET", path), AskLogin("", "staff", (), ""))


def test_a_group_that_the_site_does_not_have_is_passed_on() -> None:
    body = b"group_list=nobody&username=alice"
    Playbook(connection()).on(
        request("POST", "/auth", body), AskLogin("", "nobody", (("username", Secret(b"alice")),), "")
    )


@pytest.mark.parametrize("target", ["/?secret", "/VPN?x=y", "/auth"])
def test_query_strings_are_ignored(target: str) -> None:
    Playbook(connection()).on(
        request("POST", target, b"username=a"), AskLogin("", "", (("username", Secret(b"a")),), "")
    )


def test_refused_for_good_is_shown_and_ends() -> None:
    player = connection()
    Playbook(player).on(INIT, ASK_FIRST).on(
        LoginRefused("Too many failed logins"),
        answer(200, '<auth id="main"><error>Too many failed logins</error></auth>', "Connection: close", close=True),
    )
    assert player.state is State.CLOSED


def test_tunnel() -> None:
    player = connection()
    Playbook(player).on(CONNECT, ASK_TUNNEL)
    assert not player.reading
    commands = player.handle(TunnelGranted(OFFER))
    assert [type(command) for command in commands] == [StartTunnel]
    Playbook(player).on(b"STF\x01").on(Lost())
    with pytest.raises(LocalError):
        player.handle(LoggedOut())


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "The session has ended"), (403, "not from here"), (503, "no address is free")]
)
def test_tunnel_refused(status: int, reason: str) -> None:
    Playbook(connection()).on(CONNECT, ASK_TUNNEL).on(
        TunnelRefused(status, reason), answer(status, f"X-Reason: {reason}", close=True)
    )


def test_tunnel_granted_to_a_client_that_has_gone() -> None:
    Playbook(connection()).on(CONNECT, ASK_TUNNEL).on(Lost()).on(TunnelGranted(OFFER), DropTunnel())


def test_tunnel_that_cannot_be_told() -> None:
    nothing = TunnelOffer("", "", "", 0, 1390, 1500, server_rekeys=True)
    player = connection()
    Playbook(player).on(CONNECT, ASK_TUNNEL)
    fault, drop, send = player.handle(TunnelGranted(nothing))
    assert isinstance(fault, Fault)
    assert drop == DropTunnel()
    assert answer(503, close=True) == send


def test_absurd_mtu_is_reported_and_tamed() -> None:
    head = request(
        "CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: webvpn=bearer", "X-CSTP-Base-MTU: 3", "X-CSTP-MTU: 999999"
    )
    report, ask = connection().handle(Received(head))
    assert report == Report("connect_mtu_clamped")
    assert isinstance(ask, AskTunnel)
    assert (ask.request.base_mtu, ask.request.mtu) == (1280, 9000)


def test_connect_without_the_slash() -> None:
    head = request("CONNECT", "CSCOSSLC/tunnel", b"", "Cookie: webvpn=bearer")
    Playbook(connection()).on(head, ASK_TUNNEL)


def test_connect_as_a_proxy_request() -> None:
    Playbook(connection()).on(
        request("CONNECT", "example.com:443"), Report("http_path", "CONNECT example.com:443"), answer(404)
    )


def test_logout() -> None:
    (
        Playbook(connection())
        .on(request("GET", "/logout", b"", "Cookie: webvpn=bearer"), AskLogout(Secret(b"bearer")))
        .on(LoggedOut(), answer(200, "Set-Cookie: webvpn=; expires=Thu, 01 Jan 1970"))
        .on(request("GET", "/logout"), answer(200))
    )


def test_logout_while_sessiond_is_away() -> None:
    Playbook(connection()).on(request("GET", "/logout", b"", "Cookie: webvpn=bearer"), AskLogout(Secret(b"bearer"))).on(
        AWAY, Report("unavailable", "come back later"), answer(503, "X-Reason: come back later", close=True)
    )


def test_login_and_tunnel_while_sessiond_is_away() -> None:
    for data, asked in ((INIT, ASK_FIRST), (CONNECT, ASK_TUNNEL)):
        Playbook(connection()).on(data, asked).on(
            AWAY, Report("unavailable", "come back later"), answer(503, close=True)
        )


def test_too_busy_in_the_middle_of_a_request() -> None:
    busy = Unavailable("too_busy", "try again")
    Playbook(connection()).on(INIT[:200]).on(busy, Report("too_busy", "try again"), answer(503, close=True)).on(
        INIT[200:]
    )


def test_client_goes_in_the_middle_of_a_step() -> None:
    reply = vector("9.01", "reply-right")
    (
        Playbook(connection())
        .on(reply, AskLogin("flow2", "staff", fields(b"right"), AGENT))
        .on(Lost(), CancelLogin("flow2"))
        .on(LoginPrompted("flow2", FORM), CancelLogin("flow2"))
    )


def test_cookie_for_a_client_that_has_gone_is_given_back() -> None:
    Playbook(connection()).on(INIT, ASK_FIRST).on(Lost()).on(LoginCompleted("", COOKIE), AskLogout(COOKIE)).on(
        LoggedOut()
    )


def test_client_goes_between_two_rounds() -> None:
    Playbook(connection()).on(INIT, ASK_FIRST).on(LoginPrompted("flow", FORM), answer(200)).on(Lost())


def test_pipelined_in_one_piece() -> None:
    Playbook(connection()).on(
        INIT + INIT, Report("http_pipelined", f"{len(INIT)} bytes after the request"), answer(400, close=True)
    )


def test_pipelined_before_the_answer() -> None:
    (
        Playbook(connection())
        .on(vector("9.01", "reply-right"), AskLogin("flow2", "staff", fields(b"right"), AGENT))
        .on(INIT, CancelLogin("flow2"), Report("http_pipelined", "data before the answer"), answer(400, close=True))
        .on(LoginCompleted("flow2", COOKIE), AskLogout(COOKIE))
        .on(INIT)
    )


def test_unknown_path_keeps_the_connection() -> None:
    (
        Playbook(connection())
        .on(request("GET", "/nothing"), Report("http_path", "/nothing"), answer(404))
        .on(INIT, ASK_FIRST)
    )


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/"), ("PUT", "/auth"), ("POST", "/1/Linux"), ("HEAD", "/"), ("TRACE", "/logout")]
)
def test_wrong_method(method: str, path: str) -> None:
    Playbook(connection()).on(
        request(method, path), Report("http_method", f"{method} {path}"), answer(405, "Allow: GET, POST")
    )


@pytest.mark.parametrize(
    "path",
    ["/1/index.html", "/1/Linux", "/1/VPNManifest.xml", "/1/binaries/update.txt", "/1/binaries/vpndownloader.sh"],
)
def test_files_for_ciscos_clients(path: str) -> None:
    Playbook(connection()).on(request("GET", path), answer(200)).on(request("HEAD", path), answer(200))


@pytest.mark.parametrize(
    ("data", "label", "status"),
    [
        (b"\x16\x03\x01\x02\x00", "http_malformed", 400),
        (b"GET / HTTP/1.1\r\n\r\n", "http_malformed", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "http_malformed", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "http_framing",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "http_transfer_encoding", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 262145\r\n\r\n", "http_body_too_large", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 16384, "http_headers_too_large", 431),
        (request("POST", "/", b"<a>"), "markup_malformed", 400),
        (request("POST", "/", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "markup_forbidden", 400),
        (request("POST", "/", b"<other/>"), "login_document", 400),
        (request("POST", "/", b"username"), "login_form", 400),
        (request("POST", "/", b"a=b", "Cookie: webvpncontext=" + "x" * 257), "login_flow", 400),
        (request("CONNECT", "/CSCOSSLC/tunnel"), "connect_cookie_missing", 401),
        (request("CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: webvpn=a b"), "connect_cookie", 401),
        (request("CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: webvpn=a", "X-CSTP-MTU: -1"), "connect_mtu", 400),
        (request("CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: webvpn=a", "X-CSTP-Version: 2"), "connect_version", 400),
    ],
)
def test_bad_input(data: bytes, label: str, status: int) -> None:
    player = connection()
    report, send = player.handle(Received(data))
    assert isinstance(report, Report)
    assert report.label == label
    assert answer(status, close=True) == send
    assert player.state is State.CLOSED
    assert player.handle(Received(INIT)) == ()


def test_requests_are_used_up() -> None:
    player = connection()
    for _ in range(REQUESTS_MAX - 1):
        Playbook(player).on(request("GET", "/1/Linux"), answer(200))
    Playbook(player).on(request("GET", "/1/Linux"), answer(200, "Connection: close", close=True))


def test_connection_close_is_honoured() -> None:
    Playbook(connection()).on(request("GET", "/1/Linux", b"", "Connection: close"), answer(200, close=True))


def test_http_1_0_is_closed_after_the_answer() -> None:
    Playbook(connection()).on(b"GET /1/Linux HTTP/1.0\r\n\r\n", answer(200, close=True))


def test_expect() -> None:
    data = request("POST", "/auth", b"username=alice", "Expect: 100-continue")
    Playbook(connection()).on(data[:-5], Send(b"HTTP/1.1 100 Continue\r\n\r\n")).on(
        data[-5:], AskLogin("", "", (("username", Secret(b"alice")),), "")
    )


def test_form_that_xml_cannot_carry_is_a_fault_of_ours() -> None:
    form = Form("main", "", "", "", (Field("two words", "text", "x"),))
    player = connection()
    Playbook(player).on(INIT, ASK_FIRST)
    fault, cancel, send = player.handle(LoginPrompted("flow", form))
    assert isinstance(fault, Fault)
    assert cancel == CancelLogin("flow")
    assert answer(503, close=True) == send


def test_answers_that_are_not_due() -> None:
    with pytest.raises(LocalError, match="LoggedOut is no answer in state request"):
        connection().handle(LoggedOut())


def test_limits_are_the_sites() -> None:
    player = connection(Limits(header_bytes=100, body_bytes=10))
    Playbook(player).on(
        request("POST", "/", b"username=abc"),
        Report("http_body_too_large", "Content-Length 12"),
        answer(413, close=True),
    )


def test_nothing_secret_is_shown() -> None:
    player = connection()
    (ask,) = player.handle(Received(vector("9.01", "reply-right")))
    (send,) = player.handle(LoginCompleted("flow2", COOKIE))
    shown = repr((ask, send, LoginCompleted("flow2", COOKIE), Received(b"password=right")))
    for secret in ("right", "bearer", "flow2"):
        assert secret not in shown
