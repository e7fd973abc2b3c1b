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

from wolfguard.ipc.messages import FormField
from wolfguard.secret import Secret

# --- what a conversation hears ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The client is here; nothing has been asked yet."""


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
    """They are who they say. `groups` are those that the backend puts the user into."""

    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """They are not. `reason` is a label for records; `known` says whether the account exists (for lockout's tables)."""

    reason: str
    known: bool


Step = Ask | Claim | Work | Accept | Reject


class Conversation(Protocol):
    def advance(self, heard: Heard) -> Step:
        """Takes what happened, says what is next."""


class Backend(Protocol):
    """`name` is the word in the site file's `authentication`, and the method in records."""

    name: str

    def converse(self) -> Conversation:
        """A fresh conversation for one login."""


Performer = Callable[[Work], Awaitable[object]]
