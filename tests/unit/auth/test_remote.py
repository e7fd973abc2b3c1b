# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations with backends in other processes: rounds, odd answers, and what nobody can have."""

from __future__ import annotations

import itertools

import pytest

from wolfguard.auth.backend import Accept, Admitted, Ask, Begin, Claim, Filled, Performed, Reject, Step, Unavailable
from wolfguard.auth.remote import NOBODY, FactorWork, RemoteBackend, RemoteConversation, shown
from wolfguard.errors import LocalError
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, Attribute, FactorAnswer
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

CODE = (FormField("secondary_password", "password", "Code:"),)


def conversation(*, password: bool = True) -> RemoteConversation:
    numbers = itertools.count()
    return RemoteBackend("corp", password=password, names=lambda: f"c{next(numbers)}").converse()


def fill(one: RemoteConversation, name: bytes = b"anna", password: bytes = b"pw") -> FactorWork:
    assert isinstance(one.advance(Begin()), Ask)
    assert isinstance(one.advance(Filled({"username": Secret(name), "password": Secret(password)})), Claim)
    work = one.advance(Admitted())
    assert isinstance(work, FactorWork)
    return work


def answered(one: RemoteConversation, answer: FactorAnswer) -> Step:
    return one.advance(Performed(answer))


def test_accepted_at_once() -> None:
    one = conversation()
    work = fill(one)
    assert (work.backend, work.conversation, work.number, work.user) == ("corp", "c0", 0, "anna")
    assert [(name, secret.reveal()) for name, secret in work.answers] == [("password", b"pw")]
    attributes = (Attribute("group", "it"),)
    said = answered(one, FactorAnswer(ACCEPT, groups=("staff",), attributes=attributes, message="Hello"))
    assert said == Accept("anna", ("staff",), attributes, "Hello", (("corp", attributes),))
    assert one.close() == ()


def test_a_challenge_keeps_its_conversation_and_is_claimed_again() -> None:
    one = conversation()
    fill(one)
    asked = answered(one, FactorAnswer(ASK, CODE, "Look at your phone", context=Secret(b"state")))
    assert asked == Ask(CODE, "challenge", "Look at your phone")
    assert one.advance(Filled({"secondary_password": Secret(b"123456")})) == Claim("anna")
    work = one.advance(Admitted())
    assert isinstance(work, FactorWork)
    assert (work.number, work.context.reveal(), work.conversation) == (1, b"state", "c0")
    assert [name for name, _ in work.answers] == ["secondary_password"]
    assert answered(one, FactorAnswer(REJECT, reason="password")) == Reject("password", True)


def test_a_conversation_that_waits_is_named_when_the_login_ends() -> None:
    one = conversation()
    fill(one)
    answered(one, FactorAnswer(ASK, CODE))
    assert one.close() == ("c0",)
    assert one.close() == ()


def test_a_rejected_one_begins_a_new_conversation() -> None:
    one = conversation()
    fill(one)
    answered(one, FactorAnswer(REJECT))
    assert fill(one).conversation == "c1"


@pytest.mark.parametrize("name", [b"", b" x", b"a\x00b", b"\xff", b"n" * 300])
def test_a_name_that_nobody_can_have_travels_and_is_rejected(name: bytes) -> None:
    one = conversation()
    work = fill(one, name=name)
    assert work.user == NOBODY
    assert answered(one, FactorAnswer(ACCEPT)) == Reject("rejected", False)


@pytest.mark.parametrize("password", [b"", b"a\x00b", b"\xff\xfe", b"p" * 5000])
def test_a_password_that_nobody_can_have_is_rejected_whatever_is_said(password: bytes) -> None:
    one = conversation()
    work = fill(one, password=password)
    assert [(name, secret.reveal()) for name, secret in work.answers] == [("password", b"")]
    assert isinstance(answered(one, FactorAnswer(ACCEPT)), Reject)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (FactorAnswer(UNAVAILABLE, reason="timeout"), "timeout"),
        (FactorAnswer("perhaps"), "answer"),
        (FactorAnswer(ASK), "answer"),
        (FactorAnswer(ASK, CODE * 2), "answer"),
        (FactorAnswer(ASK, (FormField("username", "text", "Name:"),)), "answer"),
        (FactorAnswer(ASK, (FormField("a<b", "text", "Name:"),)), "answer"),
        (FactorAnswer(ASK, (FormField("a", "hidden", "Name:"),)), "answer"),
        (FactorAnswer(ASK, (FormField("a", "text", "x\n"),)), "answer"),
        (FactorAnswer(ACCEPT, attributes=(Attribute("shell", "/bin/sh"),)), "attribute"),
    ],
)
def test_what_decides_nothing(answer: FactorAnswer, reason: str) -> None:
    one = conversation()
    fill(one)
    assert answered(one, answer) == Unavailable("corp", reason)


def test_a_backend_that_asks_first() -> None:
    one = conversation(password=False)
    asked = one.advance(Begin())
    assert isinstance(asked, Ask)
    assert [field.name for field in asked.fields] == ["username"]
    assert one.advance(Filled({"username": Secret(b"anna")})) == Claim("anna")
    work = one.advance(Admitted())
    assert isinstance(work, FactorWork)
    assert work.answers == ()


def test_a_later_factor_asks_no_name() -> None:
    one = conversation()
    asked = one.advance(Begin("anna"))
    assert isinstance(asked, Ask)
    assert ([field.name for field in asked.fields], asked.auth_id) == (["secondary_password"], "challenge")
    assert one.advance(Filled({"secondary_password": Secret(b"2")})) == Claim("anna")
    work = one.advance(Admitted())
    assert isinstance(work, FactorWork)
    assert [(name, secret.reveal()) for name, secret in work.answers] == [("password", b"2")]


def test_misuse() -> None:
    with pytest.raises(LocalError):
        conversation().advance(Admitted())
    with pytest.raises(LocalError):
        conversation().advance(Filled({}))


def test_foreign_text_is_made_harmless() -> None:
    assert shown("a\x1b[2Jb\nc\x00") == "a [2Jb\nc"
    assert len(shown("x" * 5000)) == 1024
