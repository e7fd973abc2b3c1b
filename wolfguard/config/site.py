# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's configuration as frozen objects: what every process receives, and the defaults.

Owns shapes and defaults. Must not know YAML, files or cerberus (`config.load`). Holds no secret: private keys appear
as paths, which the supervisor opens and keyd reads. Times are seconds, 0 means never; networks are CIDR text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wolfguard.policy.profile import CryptoProfile

SITE_FILE = "/etc/wolfguard-gateway/wolfguard.yml"
LOCAL = "local"
"""The backend that needs no entry: the gateway's own users."""

DEFAULT_PROFILE = "fips-hybrid"


@dataclass(frozen=True, slots=True)
class Listener:
    """One address and port; `udp`: DTLS as well, unless `Configuration.steer` is "flow"."""

    address: str = "::"
    port: int = 443
    udp: bool = True
    proxy_protocol: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """`chain` is PEM text, leaf first; `key` is the path of the private key; `number` is its slot in keyd."""

    certificate: str
    key: str
    number: int = 0
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """What clients of a group get. No `split_include` means that everything goes through the tunnel."""

    ipv4_pool: str = "10.99.0.0/16"
    ipv6_pool: str = ""
    mtu: int = 1400
    dns: tuple[str, ...] = ()
    nbns: tuple[str, ...] = ()
    default_domain: str = ""
    split_include: tuple[str, ...] = ()
    split_exclude: tuple[str, ...] = ()
    split_dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionTimeouts:
    """What a group may have otherwise than its site."""

    session: int = 86400
    idle: int = 0
    dpd: int = 90
    keepalive: int = 32400
    rekey: int = 86400
    reconnect: int = 300


@dataclass(frozen=True, slots=True)
class Timeouts(SessionTimeouts):
    login: int = 240
    handshake: int = 10
    address_rest: int = 60


@dataclass(frozen=True, slots=True)
class Banner:
    """`login` is shown before the password is asked for, `session` after the login. `consent`: `login` must be
    accepted first."""

    login: str = ""
    session: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Pam:
    """Backend type "pam". `service`: file of this name in /etc/pam.d. `spare`: helpers that wait for the next login.
    With `session` a helper stays for each session, at most `sessions` of them."""

    service: str
    change_password: bool = True
    session: bool = False
    sessions: int = 1000
    spare: int = 2


@dataclass(frozen=True, slots=True)
class Plugin:
    """Backend type "plugin". `module`: Python module whose function `backend` makes it, with the text `settings`."""

    module: str
    settings: str = ""


@dataclass(frozen=True, slots=True)
class RadiusServer:
    """`address` is a number, never a name. `port` 0 means 2083 (TLS) or 1812 (UDP). `name`: what its certificate must
    say. `secret`: path of the file with the shared secret, for UDP; authd alone reads it."""

    address: str
    port: int = 0
    name: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Accounting:
    """What is told of the sessions that a radius backend let in. No `servers`: the backend's own. `interval`: seconds
    between two reports of a session, 0 for none. `queue`: events that wait at most, `keep`: seconds that one waits."""

    servers: tuple[RadiusServer, ...] = ()
    interval: int = 600
    queue: int = 20_000
    keep: int = 259_200


@dataclass(frozen=True, slots=True)
class DynamicAuthorization:
    """Servers may end and change sessions (RFC 5176). `listen` and `port`: where they say so, with transport "udp";
    over TLS they use the connections of ours. `rate`: requests a second of one server. `window`: seconds by which its
    clock and ours may differ, with transport "udp"."""

    listen: str = ""
    port: int = 3799
    rate: int = 20
    window: int = 300


TLS = "tls"
UDP = "udp"


def port_of(server: RadiusServer, transport: str) -> int:
    """With the default filled in (RFC 6614 section 3.4, RFC 2865 section 3)."""
    return server.port or (2083 if transport == TLS else 1812)


@dataclass(frozen=True, slots=True)
class Radius:
    """Backend type "radius". `transport`: "tls" or "udp". `servers` in the order in which they are asked.

    `authorities` is the path of the authorities that servers' certificates must come from, `authorities_pem` their
    text; `certificate` and `key` are paths of ours, `chain` its text, `number` its slot in keyd. `response`: seconds
    that one server may take. `crypto` is the profile that `crypto_profile` names, resolved.
    """

    servers: tuple[RadiusServer, ...]
    transport: str = "tls"
    authorities: str = ""
    certificate: str = ""
    key: str = ""
    crypto_profile: str = DEFAULT_PROFILE
    nas_identifier: str = "wolfguard"
    response: int = 5
    authorities_pem: str = ""
    chain: str = ""
    number: int = 0
    crypto: CryptoProfile | None = None
    accounting: Accounting | None = None
    dynamic_authorization: DynamicAuthorization | None = None


def accounting_servers(radius: Radius) -> tuple[RadiusServer, ...]:
    """Those that accounting goes to; over UDP with their ports filled in (RFC 2866 section 3)."""
    if radius.accounting is None:
        return ()
    own = radius.accounting.servers
    if radius.transport == TLS:
        return own or radius.servers
    # The ports of the backend's own servers are those of authentication.
    return tuple(replace(server, port=(server.port if own else 0) or 1813) for server in own or radius.servers)


@dataclass(frozen=True, slots=True)
class Backend:
    """A way of proving who one is, by the name that `authentication` uses. What its type needs is under that type.

    `password`: whether the first form asks for one. `timeout` is for one step. At most `concurrency` steps are worked
    on at a time and `queue` wait, none longer than `patience`. Read `at_once` for the number.
    """

    name: str
    type: str
    password: bool = True
    timeout: int = 60
    concurrency: int = 0
    queue: int = 1000
    patience: int = 15
    pam: Pam | None = None
    radius: Radius | None = None
    plugin: Plugin | None = None

    @property
    def at_once(self) -> int:
        """Steps that are worked on at a time. A login through PAM is a process; one that waits for a RADIUS server,
        which may wait for a person itself, is next to nothing."""
        return self.concurrency or (1000 if self.type == "radius" else 64)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one session may carry, in bits a second; 0 means no limit. `burst` is bytes, 0: what fits to the rate."""

    up: int = 0
    down: int = 0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A name that users choose or are put into; None and no `authentication` mean the site's.

    `sessions` of the whole group: 0, no limit. `access` names an `AccessList`; "": the site's.
    """

    name: str
    label: str = ""
    network: Network | None = None
    authentication: tuple[str, ...] = ()
    combine: str = "all"
    timeouts: SessionTimeouts | None = None
    sessions_per_user: int | None = None
    sessions: int = 0
    access: str = ""
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One server as clients name it. No `server_names`: the site for clients that name none or an unknown one.

    `authentication` names backends, `combine` says whether "all" must accept or "any" may.
    `crypto` is the profile that `crypto_profile` names, resolved. `record_limit`: records under one key, unless the
    profile says fewer. `sessions_per_user` 0 means no limit. `access` names an `AccessList`; "": firewall.forward_to.
    `longer_timeouts`: whether an authentication server may lengthen timeouts.
    """

    name: str
    server_names: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    crypto_profile: str = DEFAULT_PROFILE
    authentication: tuple[str, ...] = ("local",)
    combine: str = "all"
    groups: tuple[Group, ...] = ()
    network: Network = field(default_factory=Network)
    timeouts: Timeouts = field(default_factory=Timeouts)
    banner: Banner = field(default_factory=Banner)
    sessions_per_user: int = 5
    longer_timeouts: bool = False
    access: str = ""
    rate: Rate = field(default_factory=Rate)
    record_limit: int = 16_777_216
    crypto: CryptoProfile = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Lockout:
    """After `failures` failures in `window` seconds an account (or a source address) is refused for `duration`."""

    failures: int = 5
    address_failures: int = 50
    window: int = 900
    duration: int = 900


@dataclass(frozen=True, slots=True)
class Passwords:
    iterations: int = 210_000
    threads: int = 0
    minimum_length: int = 12


@dataclass(frozen=True, slots=True)
class Limits:
    half_open: int = 5000
    handshakes_per_second: int = 10
    handshake_burst: int = 50
    unauthenticated: int = 50
    sessions: int = 10000
    logins: int = 2000
    header_bytes: int = 16384
    body_bytes: int = 262144


@dataclass(frozen=True, slots=True)
class Records:
    """`target`: "journald", "file" or "stderr"; `path` for file. `when_full`: "refuse" logins or "count" what is lost.
    A checkpoint is signed after so many records, and at the latest after so many seconds if there were any."""

    target: str = "journald"
    path: str = "/var/log/wolfguard-gateway/records.jsonl"
    when_full: str = "refuse"
    checkpoint_records: int = 1000
    checkpoint_seconds: int = 900


@dataclass(frozen=True, slots=True)
class AccessList:
    """`allow`: what a session under it may reach (`config.access`); `accept_from`: who may open connections to it."""

    name: str
    allow: tuple[str, ...] = ()
    accept_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Firewall:
    """`forward_to`: networks that clients may reach ("0.0.0.0/0" and "::/0" for all); default deny otherwise.

    `accept_from`: networks that may open connections to clients; none by default. A session under one of the
    `access_lists` goes by that list instead.
    """

    masquerade: bool = False
    forward_to: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    accept_from: tuple[str, ...] = ()
    client_to_client: bool = False
    access_lists: tuple[AccessList, ...] = ()


@dataclass(frozen=True, slots=True)
class Confinement:
    """`allow`: weakenings, by the words of `sandbox.weakening`, accepted on a machine that forces them."""

    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paths:
    state: str = "/var/lib/wolfguard-gateway"
    run: str = "/run/wolfguard-gateway"
    keys: str = "/etc/wolfguard-gateway/keys"

    @property
    def management_socket(self) -> str:
        """Where the command line tool reaches the gateway."""
        return f"{self.run}/control.sock"

    @property
    def state_file(self) -> str:
        """Where sessiond keeps what outlives a restart."""
        return f"{self.state}/sessiond.sqlite"


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Public halves (PEM) of the keys below paths.keys, "" for one that is not there."""

    checkpoint: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything. `workers` 0 means one a core; `handshake_threads` is per worker. `steer`: "source" or "flow"."""

    listeners: tuple[Listener, ...]
    sites: tuple[Site, ...]
    workers: int = 0
    steer: str = "source"
    handshake_threads: int = 2
    tun_prefix: str = "vpn"
    backends: tuple[Backend, ...] = ()
    lockout: Lockout = field(default_factory=Lockout)
    passwords: Passwords = field(default_factory=Passwords)
    limits: Limits = field(default_factory=Limits)
    records: Records = field(default_factory=Records)
    firewall: Firewall = field(default_factory=Firewall)
    confinement: Confinement = field(default_factory=Confinement)
    paths: Paths = field(default_factory=Paths)
    own_keys: OwnKeys = field(default_factory=OwnKeys)
