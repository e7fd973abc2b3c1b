# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a CONNECT."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.protocol.playbook import OFFER
from wolfguard.errors import LocalError
from wolfguard.protocol.agent import identify
from wolfguard.protocol.tunnel_head import DatagramOffer, TunnelOffer, refuse, render

OPENCONNECT = identify("Open AnyConnect VPN Agent v9.12")
FULL = replace(
    OFFER,
    dns=("10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.3"),
    nbns=("10.0.0.4",),
    default_domain="example.org example.com",
    split_include=("10.1.0.0/16", "2001:db8::/32"),
    split_exclude=("10.1.2.0/24", "2001:db8:1::/48"),
    split_dns=("example.org",),
    banner="Good day\nto you",
    dpd=90,
    keepalive=32400,
    rekey=86400,
    idle_timeout=600,
    session_timeout=3600,
    remaining=1800,
    disconnected_timeout=300,
    datagram=DatagramOffer(bytes([3, *range(0xA0, 0xBF)]), 443),
)


def headers(offer: TunnelOffer, user_agent: str = "") -> list[tuple[str, str]]:
    head = render(offer, identify(user_agent)).decode()
    assert head.endswith("\r\n\r\n")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    assert first == "HTTP/1.1 200 CONNECTED"
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def values(offer: TunnelOffer, name: str, user_agent: str = "") -> list[str]:
    return [value for key, value in headers(offer, user_agent) if key == name]


def test_everything() -> None:
    assert headers(FULL) == [
        ("X-CSTP-Version", "1"),
        ("X-CSTP-Address", "10.9.0.5"),
        ("X-CSTP-Netmask", "255.255.255.255"),
        ("X-CSTP-Address-IP6", "fd00::5/128"),
        ("X-CSTP-DNS", "10.0.0.1"),
        ("X-CSTP-DNS", "fd00::1"),
        ("X-CSTP-DNS", "10.0.0.2"),
        ("X-CSTP-NBNS", "10.0.0.4"),
        ("X-CSTP-Default-Domain", "example.org example.com"),
        ("X-CSTP-Split-DNS", "example.org"),
        ("X-CSTP-Tunnel-All-DNS", "false"),
        ("X-CSTP-Split-Include", "10.1.0.0/255.255.0.0"),
        ("X-CSTP-Split-Include-IP6", "2001:db8::/32"),
        ("X-CSTP-Split-Exclude", "10.1.2.0/255.255.255.0"),
        ("X-CSTP-Split-Exclude-IP6", "2001:db8:1::/48"),
        ("X-CSTP-Lease-Duration", "3600"),
        ("X-CSTP-Session-Timeout", "3600"),
        ("X-CSTP-Session-Timeout-Remaining", "1800"),
        ("X-CSTP-Idle-Timeout", "600"),
        ("X-CSTP-Disconnected-Timeout", "300"),
        ("X-CSTP-DPD", "90"),
        ("X-CSTP-Keepalive", "32400"),
        ("X-CSTP-Rekey-Time", "31536000"),
        ("X-CSTP-Rekey-Method", "ssl"),
        ("X-CSTP-Base-MTU", "1500"),
        ("X-CSTP-MTU", "1390"),
        ("X-CSTP-Banner", "Good%20day%0Ato%20you"),
        ("X-CSTP-Client-Bypass-Protocol", "false"),
        ("X-CSTP-Smartcard-Removal-Disconnect", "true"),
        ("X-CSTP-Keep", "true"),
        ("X-CSTP-TCP-Keepalive", "true"),
        ("X-CSTP-License", "accept"),
        ("X-DTLS-App-ID", "03a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbe"),
        ("X-DTLS-Port", "443"),
        ("X-DTLS-DPD", "90"),
        ("X-DTLS-Keepalive", "32400"),
        ("X-DTLS-CipherSuite", "PSK-NEGOTIATE"),
    ]


def test_never() -> None:
    got = dict(headers(OFFER))
    assert got["X-CSTP-Session-Timeout"] == got["X-CSTP-Idle-Timeout"] == "none"
    assert not {"X-CSTP-Lease-Duration", "X-CSTP-DPD", "X-CSTP-Keepalive", "X-CSTP-Banner"} & got.keys()
    assert not [name for name in got if name.startswith("X-DTLS-")]


def test_a_datagram_channel_that_nobody_watches() -> None:
    got = [name for name, _ in headers(replace(OFFER, datagram=DatagramOffer(bytes(32), 8443)))]
    assert got[-3:] == ["X-DTLS-App-ID", "X-DTLS-Port", "X-DTLS-CipherSuite"]
    assert not {"X-DTLS-DPD", "X-DTLS-Keepalive", "X-DTLS-MTU"} & set(got)


def test_the_name_of_a_tunnel_does_not_show() -> None:
    assert "a0a1" not in repr(FULL)
    assert r"\xa0" not in repr(FULL)


def test_the_same_offer_gives_the_same_bytes() -> None:
    assert render(FULL, OPENCONNECT) == render(FULL, OPENCONNECT)


@pytest.mark.parametrize(
    ("server_rekeys", "rekey", "expected"),
    [(True, 3600, ("31536000", "ssl")), (False, 3600, ("3600", "new-tunnel")), (False, 0, (None, "none"))],
)
def test_rekey(server_rekeys: bool, rekey: int, expected: tuple[str | None, str]) -> None:
    got = dict(headers(replace(OFFER, server_rekeys=server_rekeys, rekey=rekey)))
    assert (got.get("X-CSTP-Rekey-Time"), got["X-CSTP-Rekey-Method"]) == expected


def test_ciscos_clients_want_ipv6_resolvers_apart() -> None:
    agent = "Cisco AnyConnect VPN Agent for Windows 4.10"
    assert values(FULL, "X-CSTP-DNS-IP6", agent) == ["fd00::1"]
    assert values(FULL, "X-CSTP-DNS", agent) == ["10.0.0.1", "10.0.0.2"]


def test_everything_through_the_tunnel() -> None:
    names = [name for name, _ in headers(OFFER)]
    assert not [name for name in names if "Split" in name]
    assert values(OFFER, "X-CSTP-Tunnel-All-DNS") == ["true"]
    assert values(OFFER, "X-CSTP-Split-Include-IP6", "Cisco AnyConnect VPN Agent for Apple iPhone") == ["2000::/3"]


def test_a_family_without_networks_is_not_drawn_in() -> None:
    only4 = replace(OFFER, split_include=("10.0.0.0/8",))
    assert values(only4, "X-CSTP-Split-Include-IP6") == ["fd00::5/128"]
    only6 = replace(OFFER, split_include=("2001:db8::/32",))
    assert values(only6, "X-CSTP-Split-Include") == ["10.9.0.5/255.255.255.255"]


@pytest.mark.parametrize(
    "offer",
    [
        replace(OFFER, ipv4="", ipv6=""),
        replace(OFFER, default_domain="a\r\nX-CSTP-DNS: 6.6.6.6"),
        replace(OFFER, split_include=("10.0.0.1/8",)),
        replace(OFFER, split_dns=("b\u00fccher.example",)),
    ],
)
def test_offers_that_cannot_be_told(offer: TunnelOffer) -> None:
    with pytest.raises(LocalError):
        render(offer, OPENCONNECT)


def test_refusal_is_printable() -> None:
    assert refuse(503, "full\r\nSet-Cookie: x").headers == (("X-Reason", "fullSet-Cookie: x"),)
    assert refuse(401, "").headers == ()
