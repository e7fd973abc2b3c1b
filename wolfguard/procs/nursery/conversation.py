# SPDX-License-Identifier: GPL-3.0-or-later
"""One login through PAM: authentication, account, a change of an expired password, and a session that stays open.

What modules ask becomes a form, what they say becomes the form's message. The password of the login form answers the
first hidden prompt, so that most logins need no second form. Owns the order of the phases and the bounds of what a
module may say; `exchange` sends an answer and blocks until the next step has come, `hold` until the session is over.
Must not know processes or sockets.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from wolfguard.config.site import Pam
from wolfguard.ipc.factors import ACCEPT, ASK, REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.ipc.logins import FormField
from wolfguard.procs.nursery import library
from wolfguard.procs.nursery.library import Library, Prompt, Transaction

TTY: Final = "vpn"
TEXTS_MAX: Final = 64
TEXT_MAX: Final = 1024
CALLS_MAX: Final = 64
GROUPS_MAX: Final = 256

SITE: Final = "WOLFGUARD_SITE"
"""In the environment of modules: the name of the site."""

Exchange = Callable[[FactorAnswer], "FactorStep | None"]
Hold = Callable[[FactorAnswer], None]


class Login:
    """`run` does all of it."""

    def __init__(self, pam: Pam, first: FactorStep, exchange: Exchange, hold: Hold) -> None:
        self._pam = pam
        self._user, self._address, self._site = first.user, first.peer.address, first.site
        self._exchange = exchange
        self._hold = hold
        self._password: bytes | None = dict(first.answers)["password"].reveal() if first.answers else None
        self._texts: list[str] = []
        self._calls = 0
        self._over = False
        self._changing = False
        self._opened = False

    def run(self, loaded: Library) -> FactorAnswer | None:
        """The final answer; None when `hold` had it and the session was closed."""
        if self._password is not None and len(self._password) > library.RESPONSE_MAX:
            # Longer than any module takes; it fails like another wrong password, after the same work.
            self._password = b""
        transaction = Transaction(loaded, self._pam.service, self._user, self._converse)
        if transaction.code != library.SUCCESS:
            return FactorAnswer(UNAVAILABLE, reason="pam_start")
        transaction.set_items(self._address, TTY)
        transaction.put_environment(SITE, self._site)
        code = library.CONVERSATION_ERROR
        try:
            code = self._phases(transaction)
            answer = self._answer(code, transaction)
            if not self._opened:
                return answer
            if answer.state == ACCEPT:
                self._hold(replace(answer, held=True))
            # Nobody is there who could answer a module.
            self._over = True
            code = transaction.close_session()
            return None if answer.state == ACCEPT else answer
        finally:
            transaction.end(code)

    def _phases(self, transaction: Transaction) -> int:
        code = transaction.authenticate()
        # Modules that were not asked may not have it from the next phase.
        self._password = None
        if code == library.SUCCESS:
            code = transaction.account()
        if code == library.NEW_PASSWORD_REQUIRED and self._pam.change_password:
            self._changing = True
            code = transaction.change_password(library.CHANGE_EXPIRED)
        if code == library.SUCCESS and self._pam.session:
            code = transaction.open_session()
            self._opened = code == library.SUCCESS
        return code

    def _answer(self, code: int, transaction: Transaction) -> FactorAnswer:
        if self._over:
            return FactorAnswer(UNAVAILABLE, reason="conversation")
        if code in library.LABELS:
            known = code != library.UNKNOWN_USER
            return FactorAnswer(REJECT, reason=library.LABELS[code], known=known, message=self._said())
        if code != library.SUCCESS:
            return FactorAnswer(UNAVAILABLE, reason=f"pam_{code}")
        if transaction.user() != self._user:
            return FactorAnswer(UNAVAILABLE, reason="pam_user")
        return FactorAnswer(ACCEPT, groups=groups_of(self._user), message=self._said())

    def _converse(self, prompts: Sequence[Prompt]) -> Sequence[bytes | None] | None:
        self._calls += 1
        if self._calls > CALLS_MAX or self._over:
            self._over = True
            return None
        answers: list[bytes | None] = [None] * len(prompts)
        asked: dict[str, int] = {}
        fields: list[FormField] = []
        for index, prompt in enumerate(prompts):
            if prompt.style not in library.PROMPTS:
                self._texts = [*self._texts, prompt.text[:TEXT_MAX]][-TEXTS_MAX:]
            elif prompt.style == library.HIDDEN and self._password is not None:
                answers[index], self._password = self._password, None
            else:
                field = self._field(prompt, len(fields))
                asked[field.name] = index
                fields.append(field)
        if fields:
            step = self._exchange(FactorAnswer(ASK, tuple(fields), self._said()))
            if step is None:
                self._over = True
                return None
            given = {name: secret.reveal() for name, secret in step.answers}
            for name, index in asked.items():
                answer = given.get(name, b"")
                # What no module has room for is as wrong as any other wrong answer.
                answers[index] = answer if len(answer) <= library.RESPONSE_MAX and b"\0" not in answer else b""
        return answers

    def _field(self, prompt: Prompt, number: int) -> FormField:
        hidden = prompt.style == library.HIDDEN
        # Clients fill in one-time passwords by themselves in a field of this name.
        own = hidden and number == 0 and not self._changing
        label = "".join(character if character.isprintable() else " " for character in prompt.text[:TEXT_MAX]).strip()
        name = "secondary_password" if own else f"prompt_{number}"
        return FormField(name, "password" if hidden else "text", label or "Answer:")

    def _said(self) -> str:
        text, self._texts = "\n".join(self._texts)[:TEXT_MAX], []
        return text


def groups_of(user: str) -> tuple[str, ...]:
    """Names of the groups that the machine puts this user into; none for a user that it does not know."""
    try:
        account = pwd.getpwnam(user)
        numbers = os.getgrouplist(user, account.pw_gid)[:GROUPS_MAX]
    except (KeyError, OSError, ValueError):
        return ()
    names: list[str] = []
    for number in numbers:
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return tuple(names)
