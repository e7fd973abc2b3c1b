# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which sites, limits and tunnels reach the data plane."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.procs.worker.fakes import GRANT, PEER, TLS, configuration, opened, site
from wolfguard.config.site import Timeouts
from wolfguard.engine import Limits, TlsCertificate
from wolfguard.procs.worker import plane


def test_limits_take_the_longest_times_of_all_sites() -> None:
    slow = replace(site("slow"), timeouts=Timeouts(login=600, handshake=5))
    assert plane.limits(configuration(None, site(), slow)) == Limits(
        half_open=5000,
        handshakes_per_second=10,
        handshake_burst=50,
        unauthenticated=50,
        handshake_ms=10_000,
        login_ms=600_000,
    )


def test_site() -> None:
    got = plane.tls_site(site())
    assert got.server_names == ("vpn.example.com",)
    assert got.certificates == (TlsCertificate(0, b"-----BEGIN CERTIFICATE-----\n"),)
    assert got.versions == ("1.3", "1.2")
    assert got.groups == ("SecP256r1MLKEM768", "secp256r1")
    assert got.require_extended_master_secret


def test_facts_of_a_handshake() -> None:
    assert (plane.peer(opened(1)), plane.tls_facts(opened(1), site().crypto)) == (PEER, TLS)


def test_tunnel_without_a_family() -> None:
    grant = replace(GRANT, ipv4="", routed=())
    got = plane.tunnel(grant, ipv6=False, rekey=0, record_limit=256, remaining=0, datagram=None)
    assert (got.ipv4, got.ipv6, got.networks, got.rekey, got.lifetime) == (None, None, (), 0, 0)
