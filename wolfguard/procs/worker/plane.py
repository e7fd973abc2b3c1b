# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker uses of the data plane, and how configuration and grants are told to it.

Owns the methods that a data plane must have (`wolfguard.engine.Plane` is the real one) and the translation of a site,
of limits, of a granted tunnel and of a handshake's facts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Protocol

from wolfguard.config.site import Configuration, Site
from wolfguard.engine import Datagram, Event, Limits, Opened, Plane, Rates, TlsCertificate, TlsSite, Tunnel
from wolfguard.ipc.logins import Peer, TlsFacts
from wolfguard.ipc.tunnels import TunnelGrant, TunnelRates
from wolfguard.policy import indicator
from wolfguard.policy.profile import CryptoProfile
from wolfguard.procs.child import Started


class DataPlane(Protocol):
    """See `wolfguard.engine.Plane`, whose methods these are."""

    @property
    def eventfd(self) -> int: ...
    def set_sites(self, sites: Sequence[TlsSite]) -> None: ...
    def set_sign_channel(self, thread: int, fd: int) -> None: ...
    def start(self) -> None: ...
    def stop_accepting(self) -> None: ...
    def stop(self) -> None: ...
    def poll(self, limit: int) -> Sequence[Event]: ...
    def read(self, conn: int) -> None: ...
    def write(self, conn: int, data: bytes, *, close: bool) -> None: ...
    def close(self, conn: int) -> None: ...
    def authenticated(self, conn: int) -> None: ...
    def start_tunnel(self, conn: int, head: bytes, tunnel: Tunnel) -> None: ...
    def end_tunnel(self, session: int, epoch: int, bye: bytes | None) -> None: ...
    def set_rates(self, session: int, epoch: int, rates: Rates) -> None: ...
    def tunnels(self) -> list[tuple[int, int]]: ...
    def counters(self) -> dict[str, int]: ...
    def facts(self) -> dict[str, str]: ...


def open_plane(start: Started) -> DataPlane:
    """The real data plane, over duplicates of the descriptors that came with Start; those are closed."""
    listeners = start.descriptors.get("listener", [])
    datagrams = start.descriptors.get("datagram", [])
    tun = start.descriptors.get("tun", [])
    traffic = start.descriptors.get("traffic", [])
    try:
        return Plane(
            slot=start.slot,
            tun=tun[0] if tun else -1,
            listeners=listeners,
            datagrams=datagrams,
            counters=traffic[0] if traffic else -1,
            handshake_threads=start.configuration.handshake_threads,
            limits=limits(start.configuration),
        )
    finally:
        for descriptor in (*listeners, *datagrams, *tun, *traffic):
            os.close(descriptor)


def peer(opened: Opened) -> Peer:
    return Peer(opened.peer, opened.port, opened.local, opened.local_port)


def tls_facts(opened: Opened, crypto: CryptoProfile) -> TlsFacts:
    """With the verdict of the profile that the connection was made under."""
    algorithms = (opened.suite, opened.group, opened.signature)
    found = indicator.judge(crypto, algorithms, extended_master_secret=opened.extended_master_secret)
    return TlsFacts(
        version=opened.version,
        suite=opened.suite,
        group=opened.group,
        signature=opened.signature,
        extended_master_secret=opened.extended_master_secret,
        server_name=opened.server_name,
        approved=found.approved,
        reasons=found.reasons,
    )


def limits(configuration: Configuration) -> Limits:
    """What strangers are held to. Times of several sites become the longest: the site is not known yet."""
    sites = configuration.sites
    given = configuration.limits
    return Limits(
        half_open=given.half_open,
        handshakes_per_second=given.handshakes_per_second,
        handshake_burst=given.handshake_burst,
        unauthenticated=given.unauthenticated,
        handshake_ms=1000 * max((site.timeouts.handshake for site in sites), default=10),
        login_ms=1000 * max((site.timeouts.login for site in sites), default=240),
    )


def tls_site(site: Site) -> TlsSite:
    """Names, certificates and the resolved crypto profile of a site."""
    crypto = site.crypto
    return TlsSite(
        name=site.name,
        server_names=site.server_names,
        certificates=tuple(TlsCertificate(each.number, each.chain.encode("ascii")) for each in site.certificates),
        versions=crypto.versions,
        suites_tls13=crypto.suites_tls13,
        suites_tls12=crypto.suites_tls12,
        groups=crypto.groups,
        key_shares=crypto.key_shares,
        signatures=crypto.signatures,
        require_extended_master_secret=crypto.require_extended_master_secret,
        require_hybrid=crypto.require_hybrid,
        minimum_rsa_bits=crypto.minimum_rsa_bits,
        tickets=crypto.tickets,
    )


def tunnel(
    grant: TunnelGrant, *, ipv6: bool, rekey: int, record_limit: int, remaining: int, datagram: Datagram | None
) -> Tunnel:
    """`rekey` and `remaining` are seconds, 0 means never; `record_limit` counts records under one key; `ipv6`: whether
    the client is told its IPv6 address."""
    networks = [ip_network(text) for text in grant.routed]
    return Tunnel(
        session=grant.session,
        epoch=grant.epoch,
        index=grant.index,
        ipv4=ip_address(grant.ipv4).packed if grant.ipv4 else None,
        ipv6=ip_address(grant.ipv6).packed if grant.ipv6 and ipv6 else None,
        networks=tuple((network.network_address.packed, network.prefixlen) for network in networks),
        mtu=grant.mtu,
        dpd=1000 * grant.dpd,
        keepalive=1000 * grant.keepalive,
        rekey=1000 * rekey,
        idle=1000 * grant.idle_timeout,
        lifetime=1000 * remaining,
        record_limit=record_limit,
        datagram=datagram,
        rates=rates(grant.rates),
    )


def rates(given: TunnelRates) -> Rates:
    return Rates(given.up, given.up_burst, given.down, given.down_burst)
