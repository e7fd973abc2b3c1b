# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies of the protocol."""

from __future__ import annotations

import pytest

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol import cookies
from wolfguard.protocol.http import Request
from wolfguard.secret import Secret


def carrying(*values: str) -> Request:
    return Request("GET", "/", tuple(("cookie", value) for value in values), b"")


@pytest.mark.parametrize(
    "values", [("webvpn=abc",), ("a=b; webvpn=abc; c=d",), ("a=b", 'webvpn="abc"'), ("x;;webvpn=abc;webvpn=other",)]
)
def test_found(values: tuple[str, ...]) -> None:
    assert cookies.find_session(carrying(*values)) == Secret(b"abc")


@pytest.mark.parametrize("values", [(), ("webvpn=",), ("webvpnc=abc",), ("webvpn",)])
def test_missing(values: tuple[str, ...]) -> None:
    with pytest.raises(PeerError, match="connect_cookie_missing"):
        cookies.find_session(carrying(*values))


@pytest.mark.parametrize("value", ["x" * 257, "a b", "\xe4", "a,b", "<"])
def test_not_ours(value: str) -> None:
    with pytest.raises(PeerError) as caught:
        cookies.find_session(carrying(f"webvpn={value}"))
    assert caught.value.label == "connect_cookie"
    assert value not in caught.value.detail


def test_context() -> None:
    assert cookies.find_context(carrying("webvpncontext=flow")) == "flow"
    assert cookies.find_context(carrying()) == ""
    with pytest.raises(PeerError, match="login_flow"):
        cookies.find_context(carrying("webvpncontext=" + "x" * 9000))


def test_given() -> None:
    assert cookies.give_context("f") == ("Set-Cookie", "webvpncontext=f; path=/; Secure; HttpOnly")
    with pytest.raises(LocalError):
        cookies.give_context("a;b")
