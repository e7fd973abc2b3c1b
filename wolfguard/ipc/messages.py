# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages that wolfguard's processes exchange, as frozen dataclasses: their life, logins, tunnels and routes.

Owns the vocabulary only: how messages travel is `ipc.channel`, who may send which to whom is `seccomp/processes.yml`
(generated into `ipc.dispatch_table`); the messages of administration are `ipc.management`, those of
backends in other processes `ipc.factors`, those of accounting `ipc.accounting`. A `Request` names its reply type in
`reply`; a `Notice` has none. Fields are str, int, bool, bytes, `Secret`, None, nested frozen dataclasses, and tuples of
these: what `ipc.codec` can check.
Addresses travel as text in canonical form, times as Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from wolfguard.module_state import ModuleState
from wolfguard.secret import Secret

DTLS12: Final = "DTLS 1.2"
"""The one version of DTLS that tunnels use, as it is shown."""


class Message:
    """Anything that travels. Subclasses are frozen, slotted dataclasses."""

    __slots__ = ()


class Notice(Message):
    """Sent without waiting for an answer."""

    __slots__ = ()


class Reply(Message):
    """The answer to a Request."""

    __slots__ = ()


class Request(Message):
    """Sent with a time limit, answered by `reply` or by an ipc error (code, text)."""

    __slots__ = ()
    reply: ClassVar[type[Reply]]


@dataclass(frozen=True, slots=True)
class Done(Reply):
    """Nothing to say but that it was done."""


# --- supervisor and its children -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start(Notice):
    """First word to a child. `descriptors` names the descriptors that travel with it, in order.

    "configuration" (sealed memfd, JSON of config.site.Configuration) is always first.
    """

    generation: int
    slot: int
    slots: int
    descriptors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attach(Notice):
    """A descriptor of a channel to another process travels with it. `kind` is "ipc", "sign" or "helpers"."""

    peer: str
    slot: int
    kind: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Detach(Notice):
    """The other process has ended; its channel is dead. `asked`: it was told to end."""

    peer: str
    slot: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Fact(Message):
    """One observed thing, as a name and a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Ready(Notice):
    """The child is confined and serves. `confinement` says what was applied, as read back from the kernel; `module`
    what it has observed of its cryptographic module."""

    confinement: tuple[Fact, ...]
    module: ModuleState


@dataclass(frozen=True, slots=True)
class Failed(Notice):
    """The child cannot start; one clear line for the operator, then it ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Offence(Notice):
    """The channel to this process had to be ended by this side: it sent what it may not, or took nothing any more."""

    peer: str
    slot: int
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reconfigured(Reply):
    """`needs_restart` names the keys of the site file whose change takes effect only at a restart."""

    needs_restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconfigure(Request):
    """New configuration; descriptors as in Start."""

    reply: ClassVar[type[Reply]] = Reconfigured
    generation: int
    descriptors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop(Request):
    """End cleanly. `drain`: close tunnels without BYE so that clients come back; else say BYE."""

    reply: ClassVar[type[Reply]] = Done
    drain: bool


@dataclass(frozen=True, slots=True)
class Weakened(Notice):
    """What processes go on without, by the words of `sandbox.weakening`: for sessiond to record."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleFailure(Notice):
    """The cryptographic module of a process failed and ended it: for sessiond to record. `stage` is "start" (its
    self-tests or its integrity) or "running"."""

    process: str
    stage: str
    text: str


# --- worker asks sessiond: login ------------------------------------------------------------------------------------


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
class DatagramFacts(Message):
    """What the DTLS handshake of a tunnel settled. `version` is `DTLS12`; `approved` and `reasons` as in TlsFacts: its
    key comes from the tunnel's TLS, but what was not approved about that is told there."""

    version: str
    suite: str
    extended_master_secret: bool
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


# --- worker asks sessiond: tunnels ----------------------------------------------------------------------------------


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


# --- sessiond asks netd ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostRoute(Message):
    """An inside network (/32, /128 or a routed prefix) and the slot whose TUN carries it; the higher epoch wins.

    `access` is the access list that it is under, "" for the gateway's own networks. One that netd does not know means
    that nothing is reached.
    """

    network: str
    slot: int
    mtu: int
    epoch: int
    access: str = ""


@dataclass(frozen=True, slots=True)
class SetRoutes(Request):
    reply: ClassVar[type[Reply]] = Done
    routes: tuple[HostRoute, ...]


@dataclass(frozen=True, slots=True)
class DropRoutes(Request):
    """Removes routes whose epoch is not newer than the one given; the address rests and its conntrack is flushed."""

    reply: ClassVar[type[Reply]] = Done
    routes: tuple[HostRoute, ...]


@dataclass(frozen=True, slots=True)
class RouteTable(Reply):
    """`next` is what to ask for `after` to get the rest; empty at the end."""

    routes: tuple[HostRoute, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class ListRoutes(Request):
    """Pages through installed routes in the order of addresses: those behind network `after`, at most `limit`."""

    reply: ClassVar[type[Reply]] = RouteTable
    after: str = ""
    limit: int = 400
