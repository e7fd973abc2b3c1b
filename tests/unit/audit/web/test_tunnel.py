# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a tunnel as the gateway itself writes it, read as a client reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wolfguard.audit.web import tunnel
from wolfguard.audit.web.answer import Answer, AnswerReader
from wolfguard.protocol.agent import identify
from wolfguard.protocol.tunnel_head import DatagramOffer, TunnelOffer, render

OFFER = TunnelOffer(
    "10.99.0.7", "255.255.0.0", "2001:db8:99::7", 64, 1400, 1500, server_rekeys=True, dns=("10.0.0.53",), dpd=90,
    idle_timeout=900, session_timeout=86400, disconnected_timeout=300, datagram=DatagramOffer(bytes(range(32)), 443),
)  # fmt: skip


def head(agent: str = "", **changes: Any) -> Answer:
    found = AnswerReader(head_alone=True).feed(render(replace(OFFER, **changes), identify(agent)))
    assert found is not None
    return found


def test_everything_through_the_tunnel() -> None:
    assert tunnel.facts(head()) == {
        "beside": (),
        "resolvers": ("10.0.0.53",),
        "other_family_beside": False,
        "idle_seconds": 900,
        "session_seconds": 86400,
        "reconnect_seconds": 300,
        "dpd_seconds": 90,
    }
    # what Apple's clients are told for "everything" is no split
    assert tunnel.facts(head("Cisco AnyConnect VPN Agent for Apple iPhone"))["beside"] == ()


def test_what_never_is_up_is_left_out() -> None:
    found = tunnel.facts(head(dns=(), dpd=0, idle_timeout=0, session_timeout=0, disconnected_timeout=0))
    assert set(found) == {"beside", "other_family_beside"}


def test_networks_beside_the_tunnel() -> None:
    split = head(split_include=("10.0.0.0/8",), split_exclude=("192.168.0.0/16",))
    told = tunnel.facts(split)["beside"]
    assert told == ("everything but 10.0.0.0/8, 2001:db8:99::7/128", "192.168.0.0/16")


def test_datagrams() -> None:
    found = tunnel.datagrams(head())
    assert found is not None
    assert (found.port, found.app_id) == (443, bytes(range(32)))
    assert "0102" not in repr(found)
    assert tunnel.datagrams(head(datagram=None)) is None
