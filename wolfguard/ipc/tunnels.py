# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages about tunnels between a worker, which carries them, and sessiond, which grants and ends them.

Owns the vocabulary only; the kinds of messages, and what their fields may be, are `ipc.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.ipc.logins import Peer, TlsFacts
from wolfguard.ipc.messages import Done, Message, Notice, Reply, Request
from wolfguard.secret import Secret

DTLS12: Final = "DTLS 1.2"
"""The one version of DTLS that tunnels use, as it is shown."""


@dataclass(frozen=True, slots=True)
class DatagramFacts(Message):
    """What the DTLS handshake of a tunnel settled. `version` is `DTLS12`; `approved` and `reasons` as in TlsFacts: its
    key comes from the tunnel's TLS, but what was not approved about that is told there."""

    version: str
    suite: str
    extended_master_secret: bool
    approved: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TunnelRates(Message):
    """What a tunnel may carry: bytes a second from the client and to it (0: no limit), and bytes at once."""

    up: int = 0
    up_burst: int = 0
    down: int = 0
    down_burst: int = 0


@dataclass(frozen=True, slots=True)
class TunnelGrant(Reply):
    """Everything that a tunnel needs. Addresses are "a.b.c.d" / "2001:db8::1" or empty when the family is absent.

    `epoch` grows with every CONNECT of the session: an older tunnel of it has lost. `index` is the session's place in
    the shared traffic counters. Times are seconds, 0 means never.
    """

    session: int
    epoch: int
    index: int
    user: str
    group: str
    ipv4: str
    ipv4_netmask: str
    ipv6: str
    ipv6_prefix: int
    mtu: int
    dns: tuple[str, ...]
    nbns: tuple[str, ...]
    default_domain: str
    split_include: tuple[str, ...]
    split_exclude: tuple[str, ...]
    split_dns: tuple[str, ...]
    routed: tuple[str, ...]
    banner: str
    dpd: int
    keepalive: int
    rekey: int
    idle_timeout: int
    session_timeout: int
    expires: int
    reconnect: int
    rates: TunnelRates


@dataclass(frozen=True, slots=True)
class TunnelOpen(Request):
    """A CONNECT with a cookie. Errors: "cookie" (answer 401), "busy" (answer 503 with the text), "denied" (403)."""

    reply: ClassVar[type[Reply]] = TunnelGrant
    cookie: Secret
    site: str
    peer: Peer
    tls: TlsFacts
    user_agent: str
    hostname: str
    base_mtu: int
    mtu: int
    want_ipv4: bool
    want_ipv6: bool


@dataclass(frozen=True, slots=True)
class TunnelClosed(Notice):
    """A tunnel of this worker has ended. `reason` is a label of the engine or of BYE; `user_left` ends the session."""

    session: int
    epoch: int
    reason: str
    user_left: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TunnelDatagram(Notice):
    """DTLS of a tunnel of this worker is "up", "down" or, by the site's profile, "refused"; `reason` is a label."""

    session: int
    epoch: int
    state: str
    suite: str
    extended_master_secret: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LiveTunnel(Message):
    """`datagram` is None while its packets go over TLS alone."""

    session: int
    epoch: int
    datagram: DatagramFacts | None = None


@dataclass(frozen=True, slots=True)
class LiveTunnels(Reply):
    """`next` is what to ask for `after` to get the rest; 0 at the end."""

    tunnels: tuple[LiveTunnel, ...]
    next: int = 0


@dataclass(frozen=True, slots=True)
class ListTunnels(Request):
    """sessiond, after its own restart, asks each worker what it carries: sessions above `after`, at most `limit`."""

    reply: ClassVar[type[Reply]] = LiveTunnels
    after: int = 0
    limit: int = 300


@dataclass(frozen=True, slots=True)
class EndTunnel(Request):
    """sessiond orders a tunnel's end. `bye`: send DISCONNECT with `text` (the client quits), else close silently."""

    reply: ClassVar[type[Reply]] = Done
    session: int
    epoch: int
    bye: bool
    text: str


@dataclass(frozen=True, slots=True)
class SetRates(Request):
    """sessiond changes what a living tunnel may carry. A tunnel of another epoch is left as it is."""

    reply: ClassVar[type[Reply]] = Done
    session: int
    epoch: int
    rates: TunnelRates


@dataclass(frozen=True, slots=True)
class WorkerEvent(Notice):
    """Something worth a record that only the worker saw (bad input, a refused handshake). `count` sums repeats."""

    event: str
    peer: str
    reason: str
    count: int = 1
    detail: str = ""
