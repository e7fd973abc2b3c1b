# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of client speaks."""

from __future__ import annotations

import pytest

from wolfguard.protocol.agent import identify, printable


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("Open AnyConnect VPN Agent v9.12", "openconnect"),
        ("OpenConnect VPN Agent (NetworkManager) v9.12", "openconnect"),
        ("AnyConnect-compatible OpenConnect VPN Agent v9.21", "openconnect"),
        ("Cisco AnyConnect VPN Agent for Apple iPhone", "apple"),
        ("Cisco AnyConnect VPN Agent for Windows 4.10.0", "anyconnect"),
        ("AnyConnect Linux_64 4.10", "anyconnect"),
        ("cisco anyconnect", "anyconnect"),
        ("curl/8", "other"),
        ("", "other"),
    ],
)
def test_family(text: str, family: str) -> None:
    assert identify(text).family == family


@pytest.mark.parametrize(
    ("version", "ipv6"), [("v3", False), ("v3.99", False), ("v2.26", False), ("v4.00", True), ("v9", True)]
)
def test_ipv6(version: str, ipv6: bool) -> None:
    assert identify(f"Open AnyConnect VPN Agent {version}").ipv6 is ipv6


def test_printable() -> None:
    assert printable(" a\x00\x1b[31m\u202eb ", 64) == "a[31mb"
    assert printable("abcdef", 3) == "abc"
