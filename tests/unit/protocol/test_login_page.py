# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway says while a client logs in."""

from __future__ import annotations

import pytest

from tests.unit.protocol.playbook import FORM
from wolfguard.errors import LocalError
from wolfguard.protocol.login import Style
from wolfguard.protocol.login_page import Field, Form, ask, complete, goodbye, refuse
from wolfguard.protocol.markup import parse
from wolfguard.secret import Secret


def test_form_in_xml() -> None:
    root = parse(ask(FORM, "flow", style=Style.XML, action="/auth").body)
    assert (root.name, root.attributes["type"]) == ("config-auth", "auth-request")
    auth = root.child("auth")
    assert auth is not None
    form = auth.child("form")
    assert form is not None
    assert form.attributes == {"method": "post", "action": "/auth"}
    select, user, password = form.children
    assert [option.text for option in select.children] == ["Guests", "Staff people"]
    assert [option.attributes.get("selected") for option in select.children] == ["true", None]
    assert user.attributes == {"type": "text", "name": "username", "label": "Username:"}
    assert password.attributes["type"] == "password"


def test_plain_form_is_a_bare_document_without_opaque() -> None:
    root = parse(ask(FORM, "flow", style=Style.PLAIN, action="/auth").body)
    assert (root.name, root.attributes) == ("auth", {"id": "main"})
    assert [child.name for child in root.children] == ["banner", "message", "form"]


def test_everything_is_escaped() -> None:
    form = Form("main", "</message>&", '"<', "", (Field("a", "text", '"><script>', 'x"'),))
    root = parse(ask(form, "", style=Style.PLAIN, action='/"&').body)
    assert root.child_text("message") == "</message>&"
    assert root.child_text("error") == '"<'
    inside = root.child("form")
    assert inside is not None
    assert inside.attributes["action"] == '/"&'
    assert inside.children[0].attributes == {"type": "text", "name": "a", "label": '"><script>', "value": 'x"'}


def test_other_selects_keep_their_order() -> None:
    field = Field("colour", "select", "", "b", (("a", "A"), ("b", "B")))
    root = parse(ask(Form("main", "", "", "", (field,)), "", style=Style.PLAIN, action="/").body)
    inside = root.child("form")
    assert inside is not None
    assert [option.attributes["value"] for option in inside.children[0].children] == ["a", "b"]


@pytest.mark.parametrize("field", [Field("1x", "text", ""), Field("a b", "text", ""), Field("a", "submit", "")])
def test_inputs_that_no_client_can_answer(field: Field) -> None:
    with pytest.raises(LocalError):
        ask(Form("main", "", "", "", (field,)), "", style=Style.XML, action="/")


def test_complete_has_the_cookie_and_no_hash_of_a_certificate() -> None:
    response = complete(Secret(b"c00kie"), "flow", "Hello", style=Style.XML)
    cookies = [value for name, value in response.headers if name == "Set-Cookie"]
    assert [cookie.partition(";")[0] for cookie in cookies] == [
        "webvpncontext=flow",
        "webvpn=c00kie",
        "webvpnc=",
        "webvpnc=bu:/&p:t&iu:1/",
    ]
    assert all("Secure; HttpOnly" in cookie for cookie in cookies)
    assert b"c00kie" not in response.body


@pytest.mark.parametrize("cookie", [b"", b"a;b", b"a b", b"x" * 257, b"\xff"])
def test_cookie_that_is_no_token(cookie: bytes) -> None:
    with pytest.raises(LocalError):
        complete(Secret(cookie), "", "", style=Style.XML)


def test_refusal_has_no_inputs() -> None:
    root = parse(refuse("locked", style=Style.XML).body)
    auth = root.child("auth")
    assert auth is not None
    assert [(child.name, child.text) for child in auth.children] == [("error", "locked")]


def test_goodbye_takes_cookies_back() -> None:
    response = goodbye()
    assert sum(name == "Set-Cookie" and "1970" in value for name, value in response.headers) == 2
    assert response.body
