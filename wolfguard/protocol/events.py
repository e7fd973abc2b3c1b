# SPDX-License-Identifier: GPL-3.0-or-later
"""What the world tells a connection: bytes of the client, and answers to what the connection asked for.

The other half is `commands`. Each `Ask...` command is answered by exactly one event, or by `Unavailable`; an answer
may come after the client has gone, and must then be given to the connection all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wolfguard.protocol.login_page import Form
from wolfguard.protocol.tunnel_head import TunnelOffer
from wolfguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Received:
    """Plaintext of the client, cut anywhere."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """The client has gone."""


@dataclass(frozen=True, slots=True)
class LoginPrompted:
    """To AskLogin: another round is needed."""

    flow: str = field(repr=False)
    form: Form


@dataclass(frozen=True, slots=True)
class LoginCompleted:
    """To AskLogin: the client is who it says; `cookie` bears its session."""

    flow: str = field(repr=False)
    cookie: Secret
    banner: str = ""


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """To AskLogin: no further try. `reason` is shown to the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class TunnelGranted:
    """To AskTunnel."""

    offer: TunnelOffer


@dataclass(frozen=True, slots=True)
class TunnelRefused:
    """To AskTunnel: 401 kills the client's cookie, 403 and 503 do not. `reason` is shown to the user."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """To AskLogout."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Instead of any answer, or out of the blue: this gateway cannot serve now. `label`: unavailable, too_busy."""

    label: str
    reason: str


Event = (
    Received
    | Lost
    | LoginPrompted
    | LoginCompleted
    | LoginRefused
    | TunnelGranted
    | TunnelRefused
    | LoggedOut
    | Unavailable
)
