# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends that live in another process (RADIUS and plugins in authd, PAM in pam): one conversation for all of them.

The first form asks for a name and, unless the backend wants to ask itself, a password. Then each round is one
`FactorWork`, whose answer ends the login or asks again (a challenge). Every round with an answer is claimed first, so
that a second factor cannot be guessed past the lockout. Names and passwords that nobody can have travel like others,
as names that no account has, so that they take the same path and time; what comes of them is a rejection all the same.
Must not know how messages travel: the performer of `FactorWork` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.backend import (
    Accept,
    Admitted,
    Ask,
    Begin,
    Claim,
    Filled,
    Heard,
    Performed,
    Reject,
    Step,
    Unavailable,
    Work,
)
from wolfguard.auth.names import login_name, login_password
from wolfguard.errors import LocalError
from wolfguard.ipc.factors import ACCEPT, ASK, ATTRIBUTES, REJECT, UNAVAILABLE, FactorAnswer
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

NOBODY: Final = "wolfguard-no-such-user"
"""Asked for in the place of a name that no account can have."""
FIELDS_MAX: Final = 8
TEXT_MAX: Final = 1024

_NAME: Final = FormField("username", "text", "Username:")
_PASSWORD: Final = FormField("password", "password", "Password:")
_SECOND: Final = FormField("secondary_password", "password", "Password:")
# What clients hand on as it is; see protocol.login for the names that they change.
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED: Final = frozenset({"username", "group_list", "answer", "whichpin", "new_password", "verify_pin"})
_KINDS: Final = frozenset({"text", "password", "select"})


@dataclass(frozen=True, slots=True)
class FactorWork(Work):
    """One step for the process of this backend; where the client is comes from the performer's side."""

    conversation: str
    backend: str
    number: int
    user: str
    answers: tuple[tuple[str, Secret], ...]
    context: Secret


class RemoteBackend:
    """`password`: whether the first form asks for one. `names` gives each conversation a name of its own."""

    def __init__(self, name: str, *, password: bool, names: Callable[[], str]) -> None:
        self.name = name
        self._password = password
        self._names = names

    def converse(self) -> RemoteConversation:
        return RemoteConversation(self.name, password=self._password, names=self._names)


class RemoteConversation:
    """One login; a rejected one may begin again, as a new conversation of the other process."""

    def __init__(self, backend: str, *, password: bool, names: Callable[[], str]) -> None:
        self._backend = backend
        self._with_password = password
        self._names = names
        self._forget()

    def advance(self, heard: Heard) -> Step:
        match heard:
            case Begin(user):
                return self._begin(user)
            case Filled(fields):
                return self._filled(fields)
            case Admitted() if self._asked is not None:
                return self._work()
            case Performed(FactorAnswer() as answer):
                return self._judge(answer)
            case _:
                raise LocalError(f"the backend {self._backend} was told something that it did not ask for")

    def close(self) -> tuple[str, ...]:
        kept = (self._conversation,) if self._kept else ()
        self._forget()
        return kept

    # --- inside ------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._conversation = ""
        self._kept = False
        self._number = 0
        self._user: str | None = None
        self._real = True
        self._given = False
        self._asked: tuple[FormField, ...] | None = None
        self._answers: tuple[tuple[str, Secret], ...] = ()
        self._context = Secret(b"")

    def _begin(self, user: str | None) -> Step:
        self._forget()
        self._conversation = self._names()
        self._given, self._user = user is not None, user
        if not self._given:
            self._asked = (_NAME, _PASSWORD) if self._with_password else (_NAME,)
            text = "Please enter your username and password." if self._with_password else "Please enter your username."
            return Ask(self._asked, message=text)
        if self._with_password:
            self._asked = (_SECOND,)
            return Ask(self._asked, "challenge", "Please enter your second password.")
        self._asked = ()
        return Claim(self._user)

    def _filled(self, fields: Mapping[str, Secret]) -> Step:
        if self._asked is None:
            raise LocalError(f"the backend {self._backend} has asked for nothing")
        if self._number == 0 and not self._given:
            try:
                self._user = login_name(fields.get("username", Secret(b"")).reveal().decode())
            except UnicodeDecodeError:
                self._user = None
            self._real = self._user is not None
        answers: list[tuple[str, Secret]] = []
        for field in self._asked:
            if field.name == "username":
                continue
            answer = fields.get(field.name, Secret(b""))
            if self._number == 0:
                # A later factor's own field has another name in the form, so that clients tell the two apart.
                checked = login_password(answer.reveal())
                self._real = self._real and checked is not None
                answers.append(("password", Secret(checked or b"")))
            else:
                answers.append((field.name, answer))
        self._answers = tuple(answers)
        return Claim(self._user)

    def _work(self) -> FactorWork:
        answers, self._answers = self._answers, ()
        user = self._user if self._user is not None else NOBODY
        return FactorWork(self._conversation, self._backend, self._number, user, answers, self._context)

    def _judge(self, answer: FactorAnswer) -> Step:
        self._number += 1
        self._kept = answer.state == ASK or (answer.state == ACCEPT and answer.held)
        self._context = answer.context if answer.state == ASK else Secret(b"")
        text = shown(answer.message)
        if answer.state == UNAVAILABLE:
            return Unavailable(self._backend, answer.reason or "unavailable")
        if answer.state == REJECT or (answer.state == ACCEPT and (not self._real or self._user is None)):
            return Reject(answer.reason or "rejected", self._user is not None and answer.known, text)
        if answer.state == ACCEPT and self._user is not None:
            if any(attribute.name not in ATTRIBUTES for attribute in answer.attributes):
                return Unavailable(self._backend, "attribute")
            said = answer.attributes
            return Accept(self._user, answer.groups, said, text, ((self._backend, said),))
        if answer.state == ASK and _can_be_shown(answer.fields):
            self._asked = answer.fields
            return Ask(answer.fields, "challenge", text)
        return Unavailable(self._backend, "answer")


def shown(text: str) -> str:
    """A foreign text as a client may see it: printable lines, of bounded length."""
    clean = "".join(character if character.isprintable() or character == "\n" else " " for character in text[:TEXT_MAX])
    return clean.strip()


def _can_be_shown(fields: tuple[FormField, ...]) -> bool:
    names = [field.name for field in fields]
    return 0 < len(fields) <= FIELDS_MAX and len(set(names)) == len(names) and all(map(_fits, fields))


def _fits(field: FormField) -> bool:
    named = _FIELD_NAME.fullmatch(field.name) is not None and field.name not in _RESERVED
    return named and field.kind in _KINDS and len(field.label) <= TEXT_MAX and field.label.isprintable()
