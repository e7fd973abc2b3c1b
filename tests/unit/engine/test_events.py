# SPDX-License-Identifier: GPL-3.0-or-later
"""Tuples of the extension as typed events."""

from __future__ import annotations

import pytest

from wolfguard import engine
from wolfguard.errors import LocalError

FACTS = {
    "peer": "192.0.2.1",
    "port": 1,
    "local": "192.0.2.2",
    "local_port": 443,
    "site": "main",
    "server_name": "",
    "version": "TLS 1.3",
    "suite": "TLS_AES_256_GCM_SHA384",
    "group": "secp256r1",
    "signature": "ecdsa_secp256r1_sha256",
    "extended_master_secret": True,
}


def test_every_kind() -> None:
    assert engine.typed((engine.EVENT_OPENED, 5, FACTS)) == engine.Opened(5, *FACTS.values())  # type: ignore[arg-type]
    assert engine.typed((engine.EVENT_DATA, 5, b"x")) == engine.Data(5, b"x")
    assert engine.typed((engine.EVENT_CLOSED, 5, "why")) == engine.Closed(5, "why")
    assert engine.typed((engine.EVENT_REFUSED, "::1", "why", 3)) == engine.Refused("::1", "why", 3)
    tunnel_closed = engine.typed((engine.EVENT_TUNNEL_CLOSED, 1, 2, "bye", 0xB0, b"user"))
    assert tunnel_closed == engine.TunnelClosed(1, 2, "bye", 0xB0, b"user")
    assert engine.typed((engine.EVENT_TUNNEL_TIMER, 1, 2, "idle")) == engine.TunnelTimer(1, 2, "idle")
    assert engine.typed((engine.EVENT_TUNNEL_REKEYED, 1, 2)) == engine.TunnelRekeyed(1, 2)
    datagram = (1, 2, "up", "TLS_PSK_WITH_AES_256_GCM_SHA384", True, "")
    assert engine.typed((engine.EVENT_TUNNEL_DATAGRAM, *datagram)) == engine.TunnelDatagram(*datagram)


def test_data_does_not_show_itself() -> None:
    assert "password" not in repr(engine.Data(5, b"password"))


def test_a_kind_of_another_release() -> None:
    with pytest.raises(LocalError, match="one release"):
        engine.typed((99, 1))
