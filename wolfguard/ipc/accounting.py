# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages about accounting between sessiond, which keeps what is to be told, and authd, which tells it.

An event says everything that a server is told, so that authd keeps nothing and a restart of either changes no event.
sessiond stores events in this form. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.ipc.messages import Message, Reply, Request

START: Final = "start"
INTERIM: Final = "interim"
STOP: Final = "stop"
ON: Final = "on"
OFF: Final = "off"

CAUSES: Final = {
    "user-request": "the user left",
    "lost-carrier": "the client did not come back",
    "idle-timeout": "too long without traffic",
    "session-timeout": "its time was over",
    "admin-reset": "an administrator ended it",
    "admin-reboot": "the gateway was stopped",
    "nas-error": "the gateway could not go on with it",
    "nas-reboot": "the gateway was started anew, and the client did not come back",
    "port-preempted": "the same user logged in elsewhere",
}
"""Why a session ended, in the words of RFC 2866 section 5.10."""


@dataclass(frozen=True, slots=True)
class AccountedTraffic(Message):
    """Inner packets and bytes; received is from the client, sent is to it."""

    received_bytes: int = 0
    sent_bytes: int = 0
    received_packets: int = 0
    sent_packets: int = 0


NO_TRAFFIC: Final = AccountedTraffic()


@dataclass(frozen=True, slots=True)
class AccountingEvent(Message):
    """`kind`: START, INTERIM, STOP of a session; ON, OFF of the gateway, whose `session` is 0 and which have nothing
    else but `time`, when it happened. `id`: the session's name at the servers, never given twice. `began`: when its
    first tunnel was granted. `cause` is one of CAUSES, for STOP. `classes` are base64."""

    kind: str
    time: int
    session: int = 0
    id: str = ""
    user: str = ""
    site: str = ""
    group: str = ""
    address: str = ""
    user_agent: str = ""
    ipv4: str = ""
    ipv6: str = ""
    began: int = 0
    traffic: AccountedTraffic = NO_TRAFFIC
    cause: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberedEvent(Message):
    """`number` names the event between the two processes."""

    number: int
    event: AccountingEvent


@dataclass(frozen=True, slots=True)
class AccountingSent(Reply):
    """`done`: numbers of events that a server has confirmed; `unfit`: of those that no packet can carry. The others
    were not answered, for this `reason`."""

    done: tuple[int, ...]
    unfit: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SendAccounting(Request):
    """Events of one backend, each of another session, oldest first. Errors: "backend"."""

    reply: ClassVar[type[Reply]] = AccountingSent
    backend: str
    events: tuple[NumberedEvent, ...]
