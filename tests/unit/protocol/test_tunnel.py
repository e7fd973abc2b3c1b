# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client asks for with CONNECT."""

from __future__ import annotations

import pytest

from tests.unit.protocol.playbook import RELEASES, request, vector
from wolfguard.errors import PeerError
from wolfguard.protocol.http import HttpServer, Limits, Request
from wolfguard.protocol.tunnel import MTU_CLAMPED, TunnelRequest, parse


def asked(*headers: str) -> TunnelRequest:
    return parse(received(request("CONNECT", "/CSCOSSLC/tunnel", b"", "Cookie: a=b; webvpn=token; c", *headers)))


def received(data: bytes) -> Request:
    got = HttpServer(Limits()).receive(data)
    assert got is not None
    return got


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["connect-tls12", "connect-tls13-no-dtls"])
def test_openconnect(release: str, name: str) -> None:
    got = parse(received(vector(release, name)))
    assert got.cookie.reveal() == b"cookieXYZ123456"
    assert (got.hostname, got.agent.family) == ("laptop", "openconnect")
    assert (got.want_ipv4, got.want_ipv6) == (True, True)
    assert (got.base_mtu, got.mtu, got.notes) == (9216, 9000, ())


def test_defaults() -> None:
    got = asked()
    assert (got.base_mtu, got.mtu, got.want_ipv4, got.want_ipv6, got.hostname) == (1500, 0, True, False, "")


@pytest.mark.parametrize(
    ("base", "mtu", "expected", "noted"),
    [
        ("1500", "1390", (1500, 1390), False),
        ("65535", "65425", (9216, 9000), False),
        ("1280", "576", (1280, 576), False),
        ("0", "0", (1500, 0), False),
        ("1", "1", (1280, 576), True),
        ("999999", "1390", (9216, 1390), True),
        ("1500", "65536", (1500, 9000), True),
    ],
)
def test_mtu(base: str, mtu: str, expected: tuple[int, int], noted: bool) -> None:
    got = asked(f"X-CSTP-Base-MTU: {base}", f"X-CSTP-MTU: {mtu}")
    assert (got.base_mtu, got.mtu) == expected
    assert got.notes == ((MTU_CLAMPED,) if noted else ())


@pytest.mark.parametrize("value", ["-1", "1e3", "1500 ", "0x10", "\u0661", "1234567", "1,2"])
def test_mtu_that_is_no_number(value: str) -> None:
    head = Request("CONNECT", "/CSCOSSLC/tunnel", (("cookie", "webvpn=a"), ("x-cstp-mtu", value)), b"")
    with pytest.raises(PeerError, match="connect_mtu"):
        parse(head)


@pytest.mark.parametrize(
    ("headers", "families"),
    [
        (("X-CSTP-Address-Type: IPv6,IPv4", "X-CSTP-Full-IPv6-Capability: true"), (True, True)),
        (("X-CSTP-Address-Type: ipv6 , ipv4",), (True, False)),
        (("X-CSTP-Address-Type: IPv4",), (True, False)),
        (("X-CSTP-Address-Type: IPv6", "X-CSTP-Full-IPv6-Capability: true"), (False, True)),
    ],
)
def test_families(headers: tuple[str, ...], families: tuple[bool, bool]) -> None:
    got = asked(*headers)
    assert (got.want_ipv4, got.want_ipv6) == families


def test_old_clients_get_no_ipv6() -> None:
    wish = ("X-CSTP-Address-Type: IPv6,IPv4", "X-CSTP-Full-IPv6-Capability: true")
    assert not asked("User-Agent: Open AnyConnect VPN Agent v3.20", *wish).want_ipv6
    assert asked("User-Agent: Open AnyConnect VPN Agent v30", *wish).want_ipv6


@pytest.mark.parametrize(
    ("headers", "label"),
    [
        (("X-CSTP-Address-Type: IPX",), "connect_address_type"),
        (("X-CSTP-Version: 2",), "connect_version"),
    ],
)
def test_refused(headers: tuple[str, ...], label: str) -> None:
    with pytest.raises(PeerError) as caught:
        asked(*headers)
    assert caught.value.label == label


def test_texts_are_bounded_and_printable() -> None:
    got = asked("X-CSTP-Hostname: h\xe4\x80" + "x" * 500, "User-Agent: " + "y" * 500)
    assert got.hostname == "h" + "x" * 61
    assert len(got.agent.text) == 128


@pytest.mark.parametrize("release", RELEASES)
def test_datagrams_are_wanted(release: str) -> None:
    assert parse(received(vector(release, "connect-tls12"))).psk_negotiate
    assert not parse(received(vector(release, "connect-tls13-no-dtls"))).psk_negotiate


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (("X-DTLS-CipherSuite: PSK-NEGOTIATE",), True),
        (("x-dtls-ciphersuite: AES256-SHA:PSK-NEGOTIATE:AES128-SHA",), True),
        (("X-DTLS-CipherSuite: AES256-SHA:AES128-SHA",), False),
        (("X-DTLS-CipherSuite: OLD-PSK-NEGOTIATE", "X-DTLS12-CipherSuite: PSK-NEGOTIATE"), False),
        (("X-DTLS-Master-Secret: PSK-NEGOTIATE",), False),
    ],
)
def test_a_key_from_tls_is_the_only_way_to_datagrams(headers: tuple[str, ...], wanted: bool) -> None:
    assert asked(*headers).psk_negotiate is wanted


def test_the_key_of_the_datagram_channel_is_not_kept() -> None:
    assert "97FEDCE5" not in repr(parse(received(vector("9.01", "connect-tls12"))))
