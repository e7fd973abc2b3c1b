# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of access lists: what they mean, and what is none."""

from __future__ import annotations

import ipaddress

import pytest

from wolfguard.config import access
from wolfguard.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "protocol", "ports"),
    [
        ("10.0.0.0/8", "", ()),
        ("2001:db8::/32 icmp", "icmp", ()),
        ("10.1.2.7/32 udp 53", "udp", ((53, 53),)),
        ("10.1.2.7/32 tcp 8000-8100,443", "tcp", ((443, 443), (8000, 8100))),
        ("10.1.2.7/32 tcp 1-10,5-20,21", "tcp", ((1, 21),)),
        ("::/0 sctp 1-65535", "sctp", ((1, 65535),)),
    ],
)
def test_entries(text: str, protocol: str, ports: access.Ports) -> None:
    entry = access.read(text)
    assert entry == access.Entry(ipaddress.ip_network(text.split()[0]), protocol, ports)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.1",
        "10.0.0.1/8",
        "everywhere",
        "10.0.0.0/8 ",
        "10.0.0.0/8  tcp",
        "10.0.0.0/8 gre",
        "10.0.0.0/8 443",
        "10.0.0.0/8 icmp 8",
        "10.0.0.0/8 tcp 0",
        "10.0.0.0/8 tcp 65536",
        "10.0.0.0/8 tcp 20-10",
        "10.0.0.0/8 tcp 443,",
        "10.0.0.0/8 tcp 0443",
        "10.0.0.0/8 tcp -1",
        "10.0.0.0/8 tcp 443 udp",
        "10.0.0.0/8 tcp " + ",".join(str(2 * port) for port in range(1, 18)),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="a network, then a protocol"):
        access.read(text)


def test_what_an_entry_reaches() -> None:
    entry = access.read("10.1.2.0/24 udp 53")
    address = ipaddress.ip_address("10.1.2.9")
    assert entry.reaches(address, "udp", 53)
    assert not entry.reaches(address, "tcp", 53)
    assert not entry.reaches(address, "udp", 54)
    assert not entry.reaches(ipaddress.ip_address("10.1.3.9"), "udp", 53)
    assert not entry.reaches(ipaddress.ip_address("fd00::1"), "udp", 53)
    assert access.read("10.0.0.0/8").reaches(address, "tcp", 1)
