# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data plane is told, as frozen objects: limits for strangers, TLS of a site, a tunnel and its DTLS.

Owns the shapes and their translation into the native call; values are checked there. Times are milliseconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """`half_open` counts connections without a login, of all sources; a source is an IPv4 address or an IPv6 /64."""

    half_open: int
    handshakes_per_second: int
    handshake_burst: int
    unauthenticated: int
    handshake_ms: int
    login_ms: int

    def native(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TlsCertificate:
    """`chain` is PEM, leaf first; `number` is its private key's in the key server."""

    number: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class TlsSite:
    """Lists are IANA's names in order of preference; `versions` are "1.3" and "1.2"; `key_shares` are those of `groups`
    that a client is asked for when it lists one; `tickets` must be False."""

    name: str
    server_names: tuple[str, ...]
    certificates: tuple[TlsCertificate, ...]
    versions: tuple[str, ...]
    suites_tls13: tuple[str, ...]
    suites_tls12: tuple[str, ...]
    groups: tuple[str, ...]
    key_shares: tuple[str, ...]
    signatures: tuple[str, ...]
    require_extended_master_secret: bool
    require_hybrid: bool
    minimum_rsa_bits: int
    tickets: bool = False

    def native(self) -> dict[str, object]:
        return {
            "name": self.name,
            "server_names": list(self.server_names),
            "certificates": [{"number": each.number, "chain": each.chain} for each in self.certificates],
            "versions": list(self.versions),
            "suites_tls13": list(self.suites_tls13),
            "suites_tls12": list(self.suites_tls12),
            "groups": list(self.groups),
            "key_shares": list(self.key_shares),
            "signatures": list(self.signatures),
            "require_extended_master_secret": self.require_extended_master_secret,
            "require_hybrid": self.require_hybrid,
            "minimum_rsa_bits": self.minimum_rsa_bits,
            "tickets": self.tickets,
        }


@dataclass(frozen=True, slots=True)
class Datagram:
    """DTLS of a tunnel. `app_id` is what the client's ClientHello names the tunnel by: 32 bytes, the first the slot.
    `suites` are IANA's names in order of preference. The key comes from the tunnel's TLS and never leaves the data
    plane."""

    app_id: bytes = field(repr=False)
    suites: tuple[str, ...]
    require_extended_master_secret: bool

    def native(self) -> dict[str, object]:
        return {
            "app_id": self.app_id,
            "suites": list(self.suites),
            "require_extended_master_secret": self.require_extended_master_secret,
        }


@dataclass(frozen=True, slots=True)
class Rates:
    """What a tunnel may carry from the client (up) and to it: bytes a second, 0 for no limit, and bytes at once."""

    up: int = 0
    up_burst: int = 0
    down: int = 0
    down_burst: int = 0

    def native(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """`index` is the place in the shared traffic counters. Addresses are packed; `networks` are (packed, prefix) that
    the client may use as sources too. A period of 0 means never. `record_limit`: records under one key, either way.
    Without `datagram` it has TLS alone."""

    session: int
    epoch: int
    index: int
    ipv4: bytes | None
    ipv6: bytes | None
    networks: tuple[tuple[bytes, int], ...]
    mtu: int
    dpd: int
    keepalive: int
    rekey: int
    idle: int
    lifetime: int
    record_limit: int
    datagram: Datagram | None = None
    rates: Rates = Rates()

    def native(self) -> dict[str, object]:
        return {
            "session": self.session,
            "epoch": self.epoch,
            "index": self.index,
            "ipv4": self.ipv4,
            "ipv6": self.ipv6,
            "networks": list(self.networks),
            "mtu": self.mtu,
            "dpd": self.dpd,
            "keepalive": self.keepalive,
            "rekey": self.rekey,
            "idle": self.idle,
            "lifetime": self.lifetime,
            "record_limit": self.record_limit,
            "datagram": None if self.datagram is None else self.datagram.native(),
            "rates": self.rates.native(),
        }
