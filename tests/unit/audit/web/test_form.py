# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a login as the gateway itself writes them, and as others may."""

from __future__ import annotations

from itertools import repeat

import pytest

from wolfguard.audit.web import form
from wolfguard.audit.web.answer import Answer, AnswerReader
from wolfguard.audit.web.form import NoFormError
from wolfguard.protocol import login, login_page
from wolfguard.protocol.http import HttpServer, Limits, Response
from wolfguard.protocol.login import Style
from wolfguard.protocol.login_page import Field, Form
from wolfguard.secret import Secret

FLOW = "flow-of-this-login"
MAIN = Form("main", "Please log in", "", "", (Field("username", "text", "User"), Field("password", "password", "Word")))
CHOICES = (("decline", "No"), ("accept", "Yes"))
GROUPS = Field("group_list", "select", "Group", "staff", (("staff", "Staff"), ("guests", "Guests")))
CONSENT = Form("consent", "Authorised use only.", "", "", (GROUPS, Field("consent", "select", "Do you?", "", CHOICES)))


def answer(response: Response) -> Answer:
    """As it comes out of the other end."""
    server = HttpServer(Limits())
    assert server.receive(b"GET / HTTP/1.1\r\nHost: vpn\r\n\r\n") is not None
    found = AnswerReader().feed(server.respond(response, close=False)[0])
    assert found is not None
    return found


def asked(page: Form) -> Answer:
    return answer(login_page.ask(page, FLOW, style=Style.XML, action="/auth"))


def test_a_form_is_filled_as_the_gateway_reads_it() -> None:
    page = form.read(asked(MAIN))
    assert (page.message, page.consent, page.over, page.action) == ("Please log in", False, False, "/auth")
    request = form.fill(page, "vpn", "o'neill & co", iter(["pass<word"]))
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /auth HTTP/1.1\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()
    said = login.parse(body, "")
    assert said.flow == FLOW
    assert {name: value.reveal() for name, value in said.fields} == {
        "username": b"o'neill & co",
        "password": b"pass<word",
    }


def test_a_notice_is_accepted_and_a_group_chosen() -> None:
    page = form.read(asked(CONSENT))
    assert page.consent
    assert page.notice == "Authorised use only."
    said = login.parse(form.fill(page, "vpn", "alice", repeat("x"), "guests").partition(b"\r\n\r\n")[2], "")
    assert said.group == "guests"
    assert [(name, value.reveal()) for name, value in said.fields] == [("consent", b"accept")]
    chosen = login.parse(form.fill(page, "vpn", "alice", repeat("x"), "no such group").partition(b"\r\n\r\n")[2], "")
    assert chosen.group == "staff"


def test_a_notice_in_the_place_of_a_question_is_one() -> None:
    """As the gateway sends it: clients show the message beside the choice."""
    page = form.read(asked(Form("consent", "Authorised use only.", "", "", CONSENT.fields)))
    assert page.consent
    assert page.notice == "Authorised use only."


def test_a_question_that_is_no_choice_to_accept_is_no_notice() -> None:
    page = form.read(asked(Form("main", "Which group?", "", "", (GROUPS,))))
    assert (page.notice, page.consent) == ("", False)


def test_a_notice_beside_the_password_needs_no_acceptance() -> None:
    page = form.read(asked(Form("main", "", "", "Authorised use only.", MAIN.fields)))
    assert page.notice
    assert not page.consent


def test_the_end_of_a_login() -> None:
    said = answer(login_page.complete(Secret(b"token"), FLOW, "There was 1 failed login", style=Style.XML))
    assert form.read(said).over
    value, attributes = form.cookie(said)
    assert value == "token"
    assert {"secure", "httponly"} <= set(attributes)
    assert form.open_cookies(said) == ()


def test_cookies_that_are_open() -> None:
    given = ("set-cookie", "a=1; Secure"), ("set-cookie", "b=2; secure; HTTPONLY"), ("set-cookie", "c=; path=/")
    assert form.open_cookies(Answer(200, given)) == ("a",)
    assert form.cookie(Answer(200, given)) == ("", {})


def test_more_is_asked_than_is_known() -> None:
    with pytest.raises(NoFormError, match="more secrets"):
        form.fill(form.read(asked(MAIN)), "vpn", "alice", iter([]))
    refusal = form.read(answer(login_page.refuse("No access", style=Style.XML)))
    with pytest.raises(NoFormError, match="No access"):
        form.fill(refusal, "vpn", "alice", repeat("x"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"<html></html>", b"<!DOCTYPE x><auth/>"])
def test_what_is_no_page_of_a_login(body: bytes) -> None:
    with pytest.raises(NoFormError):
        form.read(Answer(200, (), body))
