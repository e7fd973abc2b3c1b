# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of PAM's phases, what modules' questions become, and what of their answers reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from pam import __internals as structures  # type: ignore[import-untyped]

from tests.unit.procs.nursery.modules import Ask, Modules, Phase
from tests.unit.procs.pam.ground import step
from wolfguard.config.site import Pam
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.procs.nursery import conversation, library
from wolfguard.procs.nursery.conversation import Login
from wolfguard.procs.nursery.library import Library
from wolfguard.secret import Secret

HIDDEN, SHOWN = structures.PAM_PROMPT_ECHO_OFF, structures.PAM_PROMPT_ECHO_ON
INFO, ERROR = structures.PAM_TEXT_INFO, structures.PAM_ERROR_MSG
PASSWORD = (HIDDEN, b"Password: ")


class Run:
    """One login: `asked` are the forms, answered by `replies` in order (None: the client has gone)."""

    def __init__(
        self,
        phases: Mapping[str, Phase],
        *replies: Mapping[str, bytes] | None,
        password: bytes = b"secret",
        pam: Pam | None = None,
        **modules: Any,
    ) -> None:
        self.modules = Modules(phases, **modules)
        self.asked: list[FactorAnswer] = []
        self.held: list[FactorAnswer] = []
        self._replies = list(replies)
        login = Login(pam or Pam("wg"), step(password=password), self._exchange, self._hold)
        self.answer = login.run(cast(Library, self.modules))

    def _exchange(self, asked: FactorAnswer) -> FactorStep | None:
        self.asked.append(asked)
        reply = self._replies.pop(0)
        if reply is None:
            return None
        given = tuple((name, Secret(value)) for name, value in reply.items())
        first = step(number=len(self.asked))
        return FactorStep(first.conversation, "corp", 1, "main", "pia", first.peer, "agent", given, Secret(b""))

    def _hold(self, answer: FactorAnswer) -> None:
        self.held.append(answer)
        self.modules.calls.append("held")


def check(right: bytes = b"secret") -> Phase:
    return lambda ask: library.SUCCESS if ask(PASSWORD) == [right] else structures.PAM_AUTH_ERR


def code(number: int) -> Phase:
    return lambda ask: number


def keeping(answers: list[object], *messages: tuple[int, bytes | None], **how: int) -> Phase:
    def phase(ask: Ask) -> int:
        answers.append(ask(*messages, **how))
        return library.SUCCESS

    return phase


def test_the_password_of_the_form_answers_the_first_hidden_prompt() -> None:
    run = Run({"authenticate": check()})
    assert run.answer is not None
    assert run.answer.state == ACCEPT
    assert run.asked == []
    assert run.modules.calls == ["start wg pia", "authenticate", "account", "end 0"]
    assert run.modules.items == {structures.PAM_RHOST: "192.0.2.7", structures.PAM_TTY: "vpn"}
    assert run.modules.environment == ["WOLFGUARD_SITE=main"]


def test_a_wrong_password() -> None:
    run = Run({"authenticate": check(b"another")})
    assert run.answer == FactorAnswer(REJECT, reason="password")
    assert run.modules.calls == ["start wg pia", "authenticate", f"end {structures.PAM_AUTH_ERR}"]


@pytest.mark.parametrize("number", sorted(library.LABELS))
def test_every_no_has_its_label(number: int) -> None:
    answer = Run({"authenticate": code(number)}, pam=Pam("wg", change_password=False)).answer
    assert answer is not None
    assert (answer.state, answer.reason) == (REJECT, library.LABELS[number])
    assert answer.known == (number != structures.PAM_USER_UNKNOWN)


@pytest.mark.parametrize("number", [structures.PAM_SYSTEM_ERR, structures.PAM_ABORT, structures.PAM_MODULE_UNKNOWN, 99])
def test_every_other_code_decides_nothing(number: int) -> None:
    answer = Run({"account": code(number)}).answer
    assert answer == FactorAnswer(UNAVAILABLE, reason=f"pam_{number}")


def test_further_prompts_become_forms_with_the_texts_before_them() -> None:
    answers: list[object] = []
    messages = (PASSWORD, (INFO, b"Look at\nyour token."), (HIDDEN, b"Code:"), (SHOWN, b" Where?\t"), (ERROR, b"Hm."))
    reply = {"secondary_password": b"123456", "prompt_1": "zuhause ü".encode()}
    run = Run({"authenticate": keeping(answers, *messages)}, reply)
    assert answers == [[b"secret", None, b"123456", "zuhause ü".encode(), None]]
    (asked,) = run.asked
    assert (asked.state, asked.message) == (ASK, "Look at\nyour token.\nHm.")
    fields = [(field.name, field.kind, field.label) for field in asked.fields]
    assert fields == [("secondary_password", "password", "Code:"), ("prompt_1", "text", "Where?")]


def test_a_prompt_without_a_text_and_one_of_bytes() -> None:
    run = Run({"authenticate": keeping([], PASSWORD, (HIDDEN, None), (HIDDEN, b"\xff\x1b[2J"))}, {})
    assert [field.label for field in run.asked[0].fields] == ["Answer:", "\N{REPLACEMENT CHARACTER} [2J"]


@pytest.mark.parametrize("bad", [b"x" * 512, b"x" * 1_000_000, b"a\0b"])
def test_an_answer_that_no_module_has_room_for_is_an_empty_one(bad: bytes) -> None:
    answers: list[object] = []
    Run({"authenticate": keeping(answers, PASSWORD, (HIDDEN, b"Code:"))}, {"secondary_password": bad})
    assert answers == [[b"secret", b""]]
    answers.clear()
    Run({"authenticate": keeping(answers, PASSWORD)}, password=b"x" * 512)
    assert answers == [[b""]]


def test_the_longest_answer_that_fits() -> None:
    answers: list[object] = []
    Run({"authenticate": keeping(answers, PASSWORD)}, password=b"x" * 511)
    assert answers == [[b"x" * 511]]


@pytest.mark.parametrize("count", [0, -1, 33, 2**31 - 1])
def test_a_number_of_messages_that_cannot_be(count: int) -> None:
    answers: list[object] = []
    Run({"authenticate": keeping(answers, PASSWORD, count=count)})
    assert answers == [structures.PAM_CONV_ERR]


def test_as_many_messages_as_may_be() -> None:
    answers: list[object] = []
    Run({"authenticate": keeping(answers, *[(INFO, b"x")] * 31, PASSWORD)})
    assert answers == [[None] * 31 + [b"secret"]]


def test_a_client_that_leaves_in_the_middle() -> None:
    answers: list[object] = []
    run = Run({"authenticate": keeping(answers, PASSWORD, (HIDDEN, b"Code:"))}, None)
    assert answers == [structures.PAM_CONV_ERR]
    assert run.answer == FactorAnswer(UNAVAILABLE, reason="conversation")


def test_a_module_that_asks_without_end() -> None:
    def phase(ask: Ask) -> int:
        for _ in range(1000):
            if isinstance(ask((INFO, b"again")), int):
                return int(structures.PAM_AUTH_ERR)
        return library.SUCCESS

    run = Run({"authenticate": phase})
    assert run.answer == FactorAnswer(UNAVAILABLE, reason="conversation")


def test_texts_have_a_limit() -> None:
    run = Run({"authenticate": keeping([], *[(INFO, b"x" * 2000)] * 20)})
    assert run.answer is not None
    assert len(run.answer.message) == conversation.TEXT_MAX


def test_an_expired_password_is_changed() -> None:
    answers: list[object] = []
    change = keeping(answers, (HIDDEN, b"Current password:"), (HIDDEN, b"New password:"))
    phases = {"authenticate": check(), "account": code(structures.PAM_NEW_AUTHTOK_REQD), "change": change}
    run = Run(phases, {"prompt_0": b"secret", "prompt_1": b"newer"})
    assert run.answer is not None
    assert run.answer.state == ACCEPT
    # The login's own password is not handed on, and no client fills in a new one by itself.
    assert answers == [[b"secret", b"newer"]]
    refused = Run(phases, pam=Pam("wg", change_password=False))
    assert refused.answer == FactorAnswer(REJECT, reason="password_expired")
    assert "change" not in refused.modules.calls


def test_a_module_that_makes_somebody_else_of_the_user() -> None:
    run = Run({"authenticate": check()}, user="root", pam=Pam("wg", session=True))
    assert run.answer == FactorAnswer(UNAVAILABLE, reason="pam_user")
    assert run.held == []
    assert run.modules.calls[-4:] == ["open", "close", "delete", "end 0"]


def test_a_service_that_cannot_be_started() -> None:
    run = Run({}, started=structures.PAM_SYSTEM_ERR)
    assert run.answer == FactorAnswer(UNAVAILABLE, reason="pam_start")
    assert run.modules.calls == ["start wg pia"]


def test_a_session_is_held_until_it_is_over() -> None:
    run = Run({"authenticate": check()}, pam=Pam("wg", session=True))
    assert run.answer is None
    assert [(each.state, each.held) for each in run.held] == [(ACCEPT, True)]
    order = ["authenticate", "account", "establish", "open", "held", "close", "delete", "end 0"]
    assert run.modules.calls[1:] == order


@pytest.mark.parametrize("phase", ["establish", "open"])
def test_a_session_that_does_not_open(phase: str) -> None:
    run = Run({phase: code(structures.PAM_SESSION_ERR)}, pam=Pam("wg", session=True))
    assert run.answer == FactorAnswer(REJECT, reason="session")
    assert run.held == []
    rest: Sequence[str] = ["establish", "open", "delete"] if phase == "open" else ["establish"]
    assert run.modules.calls[3:] == [*rest, f"end {structures.PAM_SESSION_ERR}"]


def test_nobody_answers_a_module_that_closes() -> None:
    answers: list[object] = []
    Run({"close": keeping(answers, (HIDDEN, b"Really?"))}, pam=Pam("wg", session=True))
    assert answers == [structures.PAM_CONV_ERR]
