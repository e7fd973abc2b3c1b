# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's configuration as frozen objects: what every process receives, and the defaults.

Owns shapes and defaults. Must not know YAML, files or cerberus (`config.load`). Holds no secret: private keys appear
as paths, which the supervisor opens and keyd reads. Times are seconds, 0 means never; networks are CIDR text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wolfguard.policy.profile import CryptoProfile

SITE_FILE = "/etc/wolfguard-gateway/wolfguard.yml"


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
class Timeouts:
    session: int = 86400
    idle: int = 0
    dpd: int = 90
    keepalive: int = 32400
    rekey: int = 86400
    reconnect: int = 300
    login: int = 240
    handshake: int = 10
    address_rest: int = 60


@dataclass(frozen=True, slots=True)
class Banner:
    """`login` is shown before the password is asked for, `session` after the login."""

    login: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A name that users choose or are put into; `network` None means the site's."""

    name: str
    label: str = ""
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One server as clients name it. No `server_names`: the site for clients that name none or an unknown one.

    `crypto` is the profile that `crypto_profile` names, resolved. `record_limit`: records under one key, unless the
    profile says fewer. `sessions_per_user` 0 means no limit.
    """

    name: str
    server_names: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    crypto_profile: str = "fips-hybrid"
    authentication: tuple[str, ...] = ("local",)
    groups: tuple[Group, ...] = ()
    network: Network = field(default_factory=Network)
    timeouts: Timeouts = field(default_factory=Timeouts)
    banner: Banner = field(default_factory=Banner)
    sessions_per_user: int = 5
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
    """`target`: "journald", "file" or "stderr"; `path` for file."""

    target: str = "journald"
    path: str = "/var/log/wolfguard-gateway/records.jsonl"


@dataclass(frozen=True, slots=True)
class Firewall:
    """`forward_to`: networks that clients may reach ("0.0.0.0/0" and "::/0" for all); default deny otherwise.

    `accept_from`: networks that may open connections to clients; none by default.
    """

    masquerade: bool = False
    forward_to: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    accept_from: tuple[str, ...] = ()
    client_to_client: bool = False


@dataclass(frozen=True, slots=True)
class Confinement:
    """`allow`: weakenings, by the words of `sandbox.weakening`, accepted on a machine that forces them."""

    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paths:
    state: str = "/var/lib/wolfguard-gateway"
    run: str = "/run/wolfguard-gateway"

    @property
    def management_socket(self) -> str:
        """Where the command line tool reaches the gateway."""
        return f"{self.run}/control.sock"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything. `workers` 0 means one a core; `handshake_threads` is per worker. `steer`: "source" or "flow"."""

    listeners: tuple[Listener, ...]
    sites: tuple[Site, ...]
    workers: int = 0
    steer: str = "source"
    handshake_threads: int = 2
    tun_prefix: str = "vpn"
    lockout: Lockout = field(default_factory=Lockout)
    passwords: Passwords = field(default_factory=Passwords)
    limits: Limits = field(default_factory=Limits)
    records: Records = field(default_factory=Records)
    firewall: Firewall = field(default_factory=Firewall)
    confinement: Confinement = field(default_factory=Confinement)
    paths: Paths = field(default_factory=Paths)
