# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of single values: what passes, what does not."""

from __future__ import annotations

import pytest

from wolfguard.config.formats import FORMATS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "/etc/x.pem"),
        ("address", "::"),
        ("address", "192.0.2.1"),
        ("ipv4_address", "192.0.2.1"),
        ("network", "0.0.0.0/0"),
        ("network", "2001:db8::/32"),
        ("ipv4_pool", ""),
        ("ipv4_pool", "10.0.0.0/8"),
        ("ipv4_pool", "192.0.2.8/29"),
        ("ipv6_pool", "2001:db8::/64"),
        ("ipv6_pool", "fd00::/48"),
        ("server_name", "vpn.example.org"),
        ("server_name", "*.example.org"),
        ("server_name", "xn--bcher-kva.example"),
        ("domain", ""),
        ("domain_name", "corp.example.org"),
        ("text", "two\nlines"),
        ("line", "Grüße"),
    ],
)
def test_good(name: str, value: str | int) -> None:
    assert FORMATS[name](value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "etc/x.pem"),
        ("path", "/etc/../x"),
        ("path", ""),
        ("address", "1.2.3"),
        ("address", "fe80::1%eth0"),
        ("address", "01.2.3.4"),
        ("ipv4_address", "::1"),
        ("network", "10.0.0.1/8"),
        ("network", "10.0.0.0"),
        ("network", "10.0.0.0/33"),
        ("network", "lan"),
        ("ipv4_pool", "2001:db8::/64"),
        ("ipv4_pool", "10.0.0.0/30"),
        ("ipv4_pool", "0.0.0.0/0"),
        ("ipv4_pool", "127.0.0.0/8"),
        ("ipv4_pool", "224.0.0.0/8"),
        ("ipv4_pool", "240.0.0.0/8"),
        ("ipv6_pool", "10.0.0.0/8"),
        ("ipv6_pool", "fe80::/64"),
        ("ipv6_pool", "ff00::/64"),
        ("ipv6_pool", "2001:db8::/126"),
        ("server_name", "vpn_.example..org"),
        ("server_name", "10.0.0.1"),
        ("server_name", "-a.example"),
        ("server_name", "a" * 64 + ".example"),
        ("server_name", "a.*.example"),
        ("server_name", ""),
        ("domain_name", ""),
        ("text", "bell\x07"),
        ("line", "two\nlines"),
        ("line", "\u2028"),
    ],
)
def test_bad(name: str, value: str | int) -> None:
    assert FORMATS[name](value)
