# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in the shape of the native call."""

from __future__ import annotations

from dataclasses import replace

from wolfguard.engine import Datagram, Tunnel

TUNNEL = Tunnel(
    1, 2, 3, bytes(4), None, (), mtu=1390, dpd=0, keepalive=0, rekey=0, idle=0, lifetime=0, record_limit=256
)
DATAGRAM = Datagram(b"\xaa" * 32, ("TLS_PSK_WITH_AES_128_GCM_SHA256",), require_extended_master_secret=True)


def test_a_tunnel_with_and_without_datagrams() -> None:
    assert TUNNEL.native()["datagram"] is None
    assert replace(TUNNEL, datagram=DATAGRAM).native()["datagram"] == {
        "app_id": b"\xaa" * 32,
        "suites": ["TLS_PSK_WITH_AES_128_GCM_SHA256"],
        "require_extended_master_secret": True,
    }


def test_the_name_of_a_tunnel_does_not_show() -> None:
    assert "xaa" not in repr(replace(TUNNEL, datagram=DATAGRAM))
