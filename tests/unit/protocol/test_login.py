# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client says while it logs in."""

from __future__ import annotations

import pytest

from wolfguard.errors import PeerError
from wolfguard.protocol.login import FIELDS_MAX, VALUE_MAX, LoginMessage, Style, parse
from wolfguard.secret import Secret


def document(kind: str, inside: str) -> bytes:
    root = f'<config-auth client="vpn" type="{kind}">{inside}</config-auth>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


def revealed(message: LoginMessage) -> dict[str, bytes]:
    return {name: value.reveal() for name, value in message.fields}


def test_init() -> None:
    inside = "<group-access>https://vpn.example.com/path?x</group-access><group-select> staff </group-select>"
    assert parse(document("init", inside), "old") == LoginMessage(Style.XML, True, "", "staff", "/path")


def test_init_after_a_refused_certificate() -> None:
    assert parse(document("init", "<client-cert-fail/>"), "").initial


@pytest.mark.parametrize("url", ["https://vpn.example.com", "nonsense", ""])
def test_group_access_without_path(url: str) -> None:
    assert parse(document("init", f"<group-access>{url}</group-access>"), "").access == ""


def test_reply() -> None:
    inside = (
        '<opaque is-for="sg"><flow>f1</flow></opaque>'
        "<auth><username>u</username><password> p&amp;&#228; </password></auth><group-select>g</group-select>"
        "<host-scan-token>x</host-scan-token>"
    )
    message = parse(document("auth-reply", inside), "from-cookie")
    assert (message.initial, message.flow, message.group) == (False, "f1", "g")
    assert revealed(message) == {"username": b"u", "password": " p&ä ".encode()}


def test_reply_without_opaque_has_the_flow_of_the_cookie() -> None:
    assert parse(document("auth-reply", "<auth/>"), "from-cookie").flow == "from-cookie"


def test_byte_order_mark_and_blank_lines_before_xml() -> None:
    assert parse(b"\xef\xbb\xbf" + document("init", ""), "").style is Style.XML
    assert parse(b"\r\n  <config-auth type='init'/>", "").style is Style.XML


def test_plain_form() -> None:
    message = parse(b"username=a%40b&password=%3Cp+q%2B&group_list=Staff+people&answer2=", "flow")
    assert message.style is Style.PLAIN
    assert (message.flow, message.group) == ("flow", "Staff people")
    assert revealed(message) == {"username": b"a@b", "password": b"<p q+", "answer2": b""}


def test_plain_form_uses_the_names_of_xml() -> None:
    assert revealed(parse(b"answer=123&verify_pin=1", "")) == {"password": b"123"}


def test_empty_body_starts_anew() -> None:
    assert parse(b"", "flow") == LoginMessage(Style.PLAIN, initial=True)


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b"<config-auth/>", "login_document"),
        (b"<config-auth type='complete'/>", "login_document"),
        (b"<auth type='init'/>", "login_document"),
        (document("auth-reply", "<auth><a>1</a><a>2</a></auth>"), "login_field"),
        (document("auth-reply", "<opaque><flow>a b</flow></opaque>"), "login_flow"),
        (document("auth-reply", "<auth><\u00e4>1</\u00e4></auth>"), "login_field"),
        (document("auth-reply", "<auth>" + "".join(f"<a{n}/>" for n in range(17)) + "</auth>"), "login_field_limit"),
        (b"password=1&answer=2", "login_field"),
        (b"a=%00", "login_field"),
        (b"a=%ff", "login_field"),
        (b"=x", "login_field"),
        (b"a=%zz", "login_form"),
        (b"a", "login_form"),
        (b"a=" + b"x" * (VALUE_MAX + 1), "login_field_limit"),
        (b"&".join(b"a%d=" % n for n in range(FIELDS_MAX + 1)), "login_field_limit"),
        (b"&".join(b"a%d=%s" % (n, b"x" * VALUE_MAX) for n in range(5)), "login_field_limit"),
    ],
)
def test_refused(body: bytes, label: str) -> None:
    with pytest.raises(PeerError) as caught:
        parse(body, "")
    assert caught.value.label == label


def test_repr_shows_no_password_and_no_flow() -> None:
    message = LoginMessage(Style.XML, False, "flow-1", fields=(("password", Secret(b"pa55")),))
    assert "pa55" not in repr(message)
    assert "flow-1" not in repr(message)
