# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data plane reports, as frozen objects made of the tuples of `Engine.poll`.

Of a connection: `Opened` with its first `Data`, then `Data` once for each `read`, then exactly one of `Closed` or a
tunnel. A client that does a handshake and says nothing is not told of. Of a tunnel: any
number of `TunnelTimer`, `TunnelRekeyed` and `TunnelDatagram`, then one `TunnelClosed`. `Refused` sums up strangers who
got no further. Reasons are labels, the same as the names of the counters wherever one exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wolfguard import _native
from wolfguard.errors import LocalError


@dataclass(frozen=True, slots=True)
class Opened:
    """A TLS handshake is done and the client has said something: its first `Data` follows, or `Closed` if that broke.

    Addresses are canonical text. `version` is "TLS 1.3" or "TLS 1.2"; `suite`, `group`, `signature` are names of IANA.
    `server_name` is what the client asked for, in lower case, or empty.
    """

    conn: int
    peer: str
    port: int
    local: str
    local_port: int
    site: str
    server_name: str
    version: str
    suite: str
    group: str
    signature: str
    extended_master_secret: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Control plaintext: one TLS record, at most 16 KiB. It may carry passwords and cookies."""

    conn: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """An opened connection has ended, or will never become the tunnel that was asked for."""

    conn: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`count` times within about a second. `peer` is empty where there were too many addresses to name each."""

    peer: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class TunnelClosed:
    """`code` is the first byte of the client's DISCONNECT and `detail` the rest, else -1 and nothing."""

    session: int
    epoch: int
    reason: str
    code: int
    detail: bytes


@dataclass(frozen=True, slots=True)
class TunnelTimer:
    """`timer` is "idle" or "expired": what follows is decided by the listener."""

    session: int
    epoch: int
    timer: str


@dataclass(frozen=True, slots=True)
class TunnelRekeyed:
    session: int
    epoch: int


@dataclass(frozen=True, slots=True)
class TunnelDatagram:
    """DTLS of a tunnel. `state` is "up", "down" or "refused": the last means that the site's profile does not permit
    what this client offers, who goes on over TLS. `suite` is IANA's name, where one was settled; `reason` is empty when
    it is up.
    """

    session: int
    epoch: int
    state: str
    suite: str
    extended_master_secret: bool
    reason: str


Event = Opened | Data | Closed | Refused | TunnelClosed | TunnelTimer | TunnelRekeyed | TunnelDatagram


def _opened(conn: int, facts: Mapping[str, Any]) -> Opened:
    return Opened(conn, **facts)


_TYPES: Mapping[int, Callable[..., Event]] = {
    _native.EVENT_OPENED: _opened,
    _native.EVENT_DATA: Data,
    _native.EVENT_CLOSED: Closed,
    _native.EVENT_REFUSED: Refused,
    _native.EVENT_TUNNEL_CLOSED: TunnelClosed,
    _native.EVENT_TUNNEL_TIMER: TunnelTimer,
    _native.EVENT_TUNNEL_REKEYED: TunnelRekeyed,
    _native.EVENT_TUNNEL_DATAGRAM: TunnelDatagram,
}


def typed(told: Sequence[Any]) -> Event:
    """One tuple of `Engine.poll` as an event. Raises LocalError when the extension is of another release."""
    make = _TYPES.get(told[0])
    if make is None:
        raise LocalError(f"the data plane reports an event of kind {told[0]!r}: install matching parts of one release")
    return make(*told[1:])
