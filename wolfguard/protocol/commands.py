# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection wants of the world, to be done in the order given.

The other half is `events`. Nothing here shows a secret in its repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wolfguard.protocol.tunnel import TunnelRequest
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes to the client; `close`: and then the end of the connection."""

    data: bytes = field(repr=False)
    close: bool = False


@dataclass(frozen=True, slots=True)
class AskLogin:
    """One round of a login. `flow` is empty at the first; `group` is a group's name, or what the client wished."""

    flow: str = field(repr=False)
    group: str
    fields: tuple[tuple[str, Secret], ...]
    user_agent: str


@dataclass(frozen=True, slots=True)
class CancelLogin:
    """Nobody will come back to this login."""

    flow: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskTunnel:
    request: TunnelRequest


@dataclass(frozen=True, slots=True)
class StartTunnel:
    """HTTP is over: send the head, then frames."""

    head: bytes


@dataclass(frozen=True, slots=True)
class DropTunnel:
    """A tunnel was granted to a client that has gone, or that cannot be told of it."""


@dataclass(frozen=True, slots=True)
class AskLogout:
    cookie: Secret


@dataclass(frozen=True, slots=True)
class Report:
    """The client did something that deserves an event; `label` is one of `refusals.REFUSALS` or a note."""

    label: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer could not be given to the client because it cannot be written down; for the operator's log."""

    text: str


Command = Send | AskLogin | CancelLogin | AskTunnel | StartTunnel | DropTunnel | AskLogout | Report | Fault
