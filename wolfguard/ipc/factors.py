# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages between sessiond and a backend that lives in another process: authd (RADIUS, plugins) and pam.

One set for both, so that a further backend needs no further message. A conversation is a name that sessiond chooses;
the other process may keep what belongs to it until the answer is final or `FactorCancel` comes, or keep nothing and
send it along in `context`, which comes back with the next step unread. Owns the closed list of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.ipc.logins import FormField, Peer
from wolfguard.ipc.messages import Message, Notice, Reply, Request
from wolfguard.secret import Secret

ACCEPT: Final = "accept"
REJECT: Final = "reject"
ASK: Final = "ask"
UNAVAILABLE: Final = "unavailable"

NO_CONTEXT: Final = Secret(b"")

ATTRIBUTES: Final = {
    "framed-address": "the IPv4 address that this user gets",
    "framed-ipv6-address": "the IPv6 address that this user gets",
    "framed-ipv6-prefix": "the IPv6 address that this user gets, as a prefix of 128 bits",
    "route": "a network that clients send through the tunnel, CIDR; may come several times",
    "dns": "address of a name server; may come several times",
    "group": "a further group of the user; may come several times",
    "domain": "domain that clients append to short names",
    "mtu": "largest inner packet, if smaller than the site file's",
    "access": "name of an access list of the site file",
    "sessions": "how many sessions the user may have, if fewer than the site file's",
    "rate-up": "bits a second from the client",
    "rate-down": "bits a second to the client",
    "session-timeout": "life of the session in seconds",
    "idle-timeout": "seconds without traffic after which the session ends",
    "interim-interval": "seconds between two reports of a session's traffic",
    "class": "opaque to us, base64; goes back with accounting",
}
"""What a backend may say about a user, and what it means. Nothing else travels."""


@dataclass(frozen=True, slots=True)
class Attribute(Message):
    """`name` is one of ATTRIBUTES; `value` is text in canonical form."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FactorAnswer(Reply):
    """The verdict on one step.

    `state`: ACCEPT (`groups`, `attributes`), REJECT (`reason`, `known`), ASK (`fields`) or UNAVAILABLE (`reason`).
    `message` is the backend's own text for the person, empty for none (a notice, an expired password, a challenge).
    `reason` is a label for records, `known` says whether the account exists there. `context` is for the next step.
    `held`: something stays open for the accepted user until `FactorCancel`, or the end of the session that `HeldFor`
    names.
    """

    state: str
    fields: tuple[FormField, ...] = ()
    message: str = ""
    reason: str = ""
    known: bool = True
    groups: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    context: Secret = NO_CONTEXT
    held: bool = False


@dataclass(frozen=True, slots=True)
class FactorStep(Request):
    """One step of one conversation with the backend of this name. `number` counts the steps from 0.

    `answers` are (name of the field, value). Those of step 0 are the login form's (`password`), or none where the
    backend asks first. `user` is in NFC and never empty.
    """

    reply: ClassVar[type[Reply]] = FactorAnswer
    conversation: str
    backend: str
    number: int
    site: str
    user: str
    peer: Peer
    user_agent: str
    answers: tuple[tuple[str, Secret], ...]
    context: Secret


@dataclass(frozen=True, slots=True)
class FactorCancel(Notice):
    """The client has gone: nothing more comes of this conversation, and what works on it may end."""

    conversation: str


@dataclass(frozen=True, slots=True)
class HeldFor(Notice):
    """The login of this conversation has become the session of this number."""

    conversation: str
    session: int


@dataclass(frozen=True, slots=True)
class SessionEnded(Notice):
    """What is held for these sessions is to be closed."""

    sessions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeldSessions(Reply):
    sessions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ListHeld(Request):
    """Asks for which sessions something is held; what is held for none is closed."""

    reply: ClassVar[type[Reply]] = HeldSessions


@dataclass(frozen=True, slots=True)
class HeldLost(Notice):
    """What was held for this session (0: for a login) has ended unasked, or was not closed. `reason` is a label."""

    backend: str
    session: int
    reason: str
