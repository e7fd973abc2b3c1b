# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says about a user, read within bounds or not at all."""

from __future__ import annotations

import ipaddress

import pytest

from wolfguard.auth.radius import attributes as meaning
from wolfguard.auth.radius.dictionary import number, pair
from wolfguard.errors import PeerError
from wolfguard.ipc.factors import ATTRIBUTES, Attribute


def vendor(owner: int, kind: int, value: bytes) -> tuple[int, bytes]:
    return 26, owner.to_bytes(4, "big") + bytes((kind, len(value) + 2)) + value


def v4(text: str) -> bytes:
    return ipaddress.IPv4Address(text).packed


def v6(text: str) -> bytes:
    return ipaddress.IPv6Address(text).packed


def test_all_that_a_server_can_say() -> None:
    reading = meaning.read(
        (
            pair("Framed-IP-Address", v4("10.1.2.3")),
            pair("Framed-IPv6-Address", v6("2001:db8::7")),
            pair("Delegated-IPv6-Prefix", b"\0\x38" + v6("2001:db8:0:ff00::")[:7]),
            pair("Framed-Route", "192.0.2.0/24 0.0.0.0 1"),
            pair("Framed-IPv6-Route", "2001:db8:1::/48 :: 1"),
            vendor(311, 28, v4("10.0.0.53")),
            vendor(3076, 6, v4("10.0.1.53")),
            pair("DNS-Server-IPv6-Address", v6("2001:db8::53")),
            pair("Filter-Id", "staff"),
            pair("Class", b"OU=admins;"),
            pair("Class", b"\x00\xff"),
            pair("Session-Timeout", 3600),
            pair("Idle-Timeout", 600),
            pair("Acct-Interim-Interval", 300),
            (249, b"nobody knows"),
            vendor(9, 1, b"somebody else's"),
        )
    )
    assert reading.groups == ("staff", "admins")
    assert reading.attributes == tuple(
        Attribute(*each)
        for each in (
            ("framed-address", "10.1.2.3"),
            ("framed-ipv6-address", "2001:db8::7"),
            ("framed-ipv6-prefix", "2001:db8:0:ff00::/56"),
            ("route", "192.0.2.0/24"),
            ("route", "2001:db8:1::/48"),
            ("dns", "10.0.0.53"),
            ("dns", "10.0.1.53"),
            ("dns", "2001:db8::53"),
            ("class", "T1U9YWRtaW5zOw=="),
            ("class", "AP8="),
            ("session-timeout", "3600"),
            ("idle-timeout", "600"),
            ("interim-interval", "300"),
        )
    )
    assert {attribute.name for attribute in reading.attributes} <= set(ATTRIBUTES)


@pytest.mark.parametrize("value", ["255.255.255.255", "255.255.255.254"])
def test_an_address_that_we_shall_choose_is_none(value: str) -> None:
    assert meaning.read((pair("Framed-IP-Address", v4(value)),)).attributes == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Framed-IP-Address", b"\x0a\x01\x02"),
        ("Framed-IP-Address", v4("127.0.0.1")),
        ("Framed-IP-Address", v4("224.0.0.1")),
        ("Framed-IP-Address", bytes(4)),
        ("Framed-IPv6-Address", v6("fe80::1")),
        ("Framed-IPv6-Address", v6("::")),
        ("Delegated-IPv6-Prefix", b"\0\x38" + bytes(2)),
        ("Delegated-IPv6-Prefix", b"\0\x81" + bytes(16)),
        ("Delegated-IPv6-Prefix", b"\0\x08\x20\x01"),
        ("Delegated-IPv6-Prefix", b"\0\x00"),
        ("Framed-Route", b"not a network"),
        ("Framed-Route", b"192.0.2.1/24 0.0.0.0 1"),
        ("Framed-Route", b"2001:db8::/32"),
        ("Framed-Route", b""),
        ("Framed-Route", "１92.0.2.0/24".encode()),
        ("Framed-IPv6-Route", b"192.0.2.0/24"),
        ("DNS-Server-IPv6-Address", bytes(4)),
        ("Filter-Id", b"../../etc"),
        ("Filter-Id", b"-rf"),
        ("Filter-Id", b"a" * 65),
        ("Filter-Id", b"\xff"),
        ("Class", b""),
        ("Session-Timeout", bytes(4)),
        ("Session-Timeout", b"\1"),
        ("Vendor-Specific", b"\0\0"),
        ("Vendor-Specific", b"\0\0\x01\x37\x1c\xff"),
        ("Vendor-Specific", b"\0\0\x01\x37\x1c\x00"),
        ("Vendor-Specific", b"\0\0\x01\x37\x1c"),
    ],
)
def test_what_cannot_be_read_makes_the_answer_unusable(name: str, value: bytes) -> None:
    with pytest.raises(PeerError) as raised:
        meaning.read(((number(name), value),))
    assert raised.value.label == "radius_attribute"


def test_there_is_a_limit_to_all() -> None:
    for one in (pair("Framed-Route", "10.0.0.0/8"), pair("Class", b"x"), pair("Filter-Id", "a")):
        with pytest.raises(PeerError, match="too many"):
            meaning.read((one,) * 129)
    with pytest.raises(PeerError, match="twice"):
        meaning.read((pair("Framed-IP-Address", v4("10.1.1.1")), pair("Framed-IP-Address", v4("10.1.1.2"))))
    long = meaning.read((pair("Session-Timeout", 0xFFFFFFFF),)).attributes
    assert long == (Attribute("session-timeout", str(366 * 86400)),)


def test_the_servers_words_for_the_user() -> None:
    words = (pair("Reply-Message", "first"), pair("State", b"s"), pair("Reply-Message", b"caf\xc3\xa9 \xff"))
    said = meaning.text(words)
    assert said == "first\ncafé �"
    assert len(meaning.text((pair("Reply-Message", "x" * 253),) * 9)) == meaning.TEXT_MAX
