# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages by which a worker asks sessiond to log a client in, step by step.

Owns the vocabulary only; the kinds of messages, and what their fields may be, are `ipc.messages`. What a step asks of
backends in other processes is `ipc.factors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wolfguard.ipc.messages import Done, Message, Notice, Reply, Request
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Peer(Message):
    """Outside address of a client and the listener's address that it reached."""

    address: str
    port: int
    local_address: str
    local_port: int


@dataclass(frozen=True, slots=True)
class TlsFacts(Message):
    """What the handshake settled, for sessions, events and records. `approved` and its `reasons` are those of
    `policy.indicator`, by the profile that the handshake was made under."""

    version: str
    suite: str
    group: str
    signature: str
    extended_master_secret: bool
    server_name: str
    approved: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormField(Message):
    """One input of a login form. `kind`: text, password, select. `choices` is (value, label) pairs for select."""

    name: str
    kind: str
    label: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LoginForm(Message):
    """One round: `auth_id` is the id of the XML auth element (main, challenge, ...)."""

    auth_id: str
    message: str
    error: str
    banner: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class LoginAnswer(Reply):
    """`state`: "form" (show `form`), "done" (`cookie` is the session's bearer secret), "refused" (no retry)."""

    state: str
    flow: str
    form: LoginForm | None = None
    cookie: Secret | None = None
    banner: str = ""
    user: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LoginStep(Request):
    """One round of a login. `flow` is empty at the first; `fields` are the filled-in inputs, values are secret."""

    reply: ClassVar[type[Reply]] = LoginAnswer
    flow: str
    site: str
    peer: Peer
    tls: TlsFacts
    user_agent: str
    group: str
    fields: tuple[tuple[str, Secret], ...]


@dataclass(frozen=True, slots=True)
class LoginCancel(Notice):
    """The client went away in mid-login."""

    flow: str


@dataclass(frozen=True, slots=True)
class Logout(Request):
    """The bearer of this cookie ends its session (a BYE of the user, or GET /logout)."""

    reply: ClassVar[type[Reply]] = Done
    cookie: Secret
