# SPDX-License-Identifier: GPL-3.0-or-later
"""The door for ways of proving who one is: what a backend says and hears, round by round.

A backend makes one `Conversation` a login. It is sans-IO: it is told what happened and answers with the next step.
Anything that takes time (hashing, a foreign server, PAM) is a `Work` of the backend's own type, carried out by the
performer that is registered for that type, whose result comes back as `Performed`. So a new backend is one module here
and one performer; the frame (`auth.login`) stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.logins import FormField
from wolfguard.secret import Secret

# --- what a conversation hears ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The client is here; nothing has been asked yet. `user`: who they have proved to be already, by a factor before
    this one; only that user may be accepted, and no name is asked for."""

    user: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """The client filled in the form of the last `Ask`."""

    fields: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Admitted:
    """The user of the last `Claim` may try: neither locked out nor over the number of attempts at once."""


@dataclass(frozen=True, slots=True)
class Performed:
    """The last `Work` is done; its result is of the type that the backend's performer returns."""

    result: object


Heard = Begin | Filled | Admitted | Performed

# --- what it says ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Show a form. `auth_id`: "main", or "challenge" for a further factor."""

    fields: tuple[FormField, ...]
    auth_id: str = "main"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The client claims to be `user` (None: a name that nobody can have). Comes before any work on a secret."""

    user: str | None


class Work:
    """Something that takes time. Subclasses are frozen dataclasses."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Accept:
    """They are who they say. `groups` are those that the backend puts the user into; `message` is for the person.
    `by`: which backends elsewhere accepted, and what each of them said."""

    user: str
    groups: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    message: str = ""
    by: tuple[tuple[str, tuple[Attribute, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """They are not. `reason` is a label for records; `known` says whether the account exists (for lockout's tables);
    `message` is the backend's own text for the person."""

    reason: str
    known: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The backend could not decide: it is down, slow or full. Nothing is counted against anybody."""

    backend: str
    reason: str


Step = Ask | Claim | Work | Accept | Reject | Unavailable


class Conversation(Protocol):
    def advance(self, heard: Heard) -> Step:
        """Takes what happened, says what is next. `Begin` begins anew, whatever went before."""

    def close(self) -> tuple[str, ...]:
        """The login is over, whatever came of it; returns the names of conversations that other processes still keep
        for it."""


class Backend(Protocol):
    """`name` is the word in the site file's `authentication`, and the method in records."""

    name: str

    def converse(self) -> Conversation:
        """A fresh conversation for one login."""


Performer = Callable[[Work], Awaitable[object]]
