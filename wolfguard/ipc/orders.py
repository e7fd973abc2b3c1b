# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages with which authd passes on what an authentication server orders about sessions that live (RFC 5176).

authd has proved that the order is a configured server's; which sessions it may touch, and what comes of it, is
sessiond's to decide: those alone that the server's own backend let in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.messages import Message, Notice, Reply, Request

DISCONNECT: Final = "disconnect"
CHANGE: Final = "change"

# How sessions are named.
BY_ID: Final = "id"
BY_USER: Final = "user"
BY_IPV4: Final = "ipv4"
BY_IPV6: Final = "ipv6"
BY_ADDRESS: Final = "address"
BY_SITE: Final = "site"
WAYS: Final = (BY_ID, BY_USER, BY_IPV4, BY_IPV6, BY_ADDRESS, BY_SITE)

# Why an order is not carried out; the names of RFC 5176 section 3.5.
UNSUPPORTED_ATTRIBUTE: Final = "unsupported-attribute"
MISSING_ATTRIBUTE: Final = "missing-attribute"
NAS_MISMATCH: Final = "nas-identification-mismatch"
INVALID_REQUEST: Final = "invalid-request"
UNSUPPORTED_SERVICE: Final = "unsupported-service"
INVALID_VALUE: Final = "invalid-attribute-value"
NOT_FOUND: Final = "session-context-not-found"
RESOURCES: Final = "resources-unavailable"


@dataclass(frozen=True, slots=True)
class Named(Message):
    """`way` is one of WAYS; every one that an order has must fit."""

    way: str
    value: str


@dataclass(frozen=True, slots=True)
class SessionsOrdered(Reply):
    """`error`: why nothing was done; empty when it was, to so many `sessions`."""

    error: str
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class OrderSessions(Request):
    """`act`: DISCONNECT (`text` is for the person) or CHANGE (`attributes` of `ipc.factors`, `group` or none). `server`
    is its address and port as text."""

    reply: ClassVar[type[Reply]] = SessionsOrdered
    backend: str
    server: str
    act: str
    names: tuple[Named, ...]
    attributes: tuple[Attribute, ...] = ()
    group: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class OrdersRefused(Notice):
    """Packets that never became an order: forged, old, too many. `reason` is a label, `server` who is said to have
    sent them."""

    backend: str
    server: str
    reason: str
    count: int
