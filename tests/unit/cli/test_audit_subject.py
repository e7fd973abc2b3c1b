# SPDX-License-Identifier: GPL-3.0-or-later
"""Where handshakes go: to the machine that is looked at, and never to where another machine would like them to go."""

from __future__ import annotations

from typing import Any

import pytest

from wolfguard.audit.observation import Unobservable
from wolfguard.audit.vantage import Listener
from wolfguard.cli import audit_subject


def first(*listeners: str, reached: str | None = None) -> Listener:
    status: dict[str, Any] = {"listeners": list(listeners)}
    return audit_subject._first(status, "vpn.example.test", None if reached is None else lambda: reached)


@pytest.mark.parametrize(
    ("listener", "reached", "dialled"),
    [
        ("0.0.0.0:443/tcp", None, "127.0.0.1"),
        ("[::]:443/tcp", None, "::1"),
        ("192.0.2.1:443/tcp", None, "192.0.2.1"),
        ("0.0.0.0:443/tcp", "gw1.example.test", "gw1.example.test"),
        ("[::]:443/tcp", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:443/tcp", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1:443/tcp", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0:443/tcp", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:443/tcp", "localhost", "127.0.0.1"),
    ],
)
def test_where_it_is_dialled(listener: str, reached: str | None, dialled: str) -> None:
    found = first("192.0.2.9:443/udp", listener, reached=reached)
    assert (found.address, found.port, found.name) == (dialled, 443, "vpn.example.test")


def test_a_status_of_another_form_names_none() -> None:
    forms: tuple[dict[str, Any], ...] = ({}, {"listeners": 7}, {"listeners": {"a": 1}}, {"listeners": [None, 7, {}]})
    for status in forms:
        with pytest.raises(Unobservable, match="names no TCP listener"):
            audit_subject._first(status, "", lambda: "192.0.2.7")


@pytest.mark.parametrize(
    ("listener", "reached", "why"),
    [
        ("198.51.100.66:443/tcp", "192.0.2.7", "said to be at 198.51.100.66, not at 192.0.2.7"),
        ("127.0.0.1:443/tcp", "192.0.2.7", "said to be at 127.0.0.1"),
        ("elsewhere.example.test:443/tcp", "192.0.2.7", "said to be at elsewhere"),
        ("0.0.0.0:443/tcp", "", "nobody can say"),
        ("0.0.0.0:443/udp", "192.0.2.7", "names no TCP listener"),
        ("nonsense", "192.0.2.7", "names no TCP listener"),
    ],
)
def test_where_it_is_not(listener: str, reached: str, why: str) -> None:
    with pytest.raises(Unobservable, match=why):
        first(listener, reached=reached)
