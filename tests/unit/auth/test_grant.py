# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says about a user: what is taken, what is left out, what refuses the login."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.auth import grant
from wolfguard.auth.grant import Grant, GrantError, Ignored, read
from wolfguard.ipc.factors import ATTRIBUTES


def test_everything() -> None:
    made, ignored = read(
        [
            (grant.IPV4, "10.99.0.7"),
            (grant.IPV6_PREFIX, "2001:DB8::7/128"),
            (grant.ROUTE, "10.0.0.0/8 0.0.0.0 1"),
            (grant.ROUTE, "2001:db8:1::/48"),
            (grant.ROUTE, "10.0.0.0/8"),
            (grant.DNS, "10.0.0.53"),
            (grant.DOMAIN, "corp.example.org"),
            (grant.MTU, "1300"),
            (grant.SESSION_TIMEOUT, "3600"),
            (grant.IDLE_TIMEOUT, "600"),
            (grant.SESSIONS, "1"),
            (grant.ACCESS, "contractors"),
            (grant.RATE_UP, "8000000"),
            (grant.RATE_DOWN, "16000000"),
            ("class", "whatever it is"),
        ]
    )
    assert made == Grant(
        ipv4="10.99.0.7",
        ipv6="2001:db8::7",
        routes=("10.0.0.0/8", "2001:db8:1::/48"),
        dns=("10.0.0.53",),
        domain="corp.example.org",
        mtu=1300,
        session_timeout=3600,
        idle_timeout=600,
        sessions=1,
        access="contractors",
        rate_up=8_000_000,
        rate_down=16_000_000,
    )
    assert ignored == ()
    assert grant.from_json(grant.to_json(made)) == made


def test_a_server_that_says_nothing() -> None:
    assert read([]) == (Grant(), ())
    assert read([("class", "x")] * 1000) == (Grant(), ())
    assert grant.to_json(Grant()) == "{}"


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        (grant.IPV4, "10.99.0.7/32", "address"),
        (grant.IPV4, "255.255.255.256", "address"),
        (grant.IPV4, "", "address"),
        (grant.IPV6, "10.99.0.7", "address"),
        (grant.IPV6, "fe80::1%eth0", "address"),
        (grant.IPV6_PREFIX, "2001:db8::/64", "address"),
        (grant.IPV6_PREFIX, "2001:db8::7", "address"),
        (grant.SESSION_TIMEOUT, "0", "limit"),
        (grant.SESSION_TIMEOUT, "-1", "limit"),
        (grant.IDLE_TIMEOUT, "ten minutes", "limit"),
        (grant.IDLE_TIMEOUT, "٦٠٠", "limit"),
        (grant.MTU, "40", "limit"),
        (grant.SESSIONS, "100000", "limit"),
        (grant.RATE_UP, "1" * 16, "limit"),
        (grant.ACCESS, "-", "access"),
        (grant.ACCESS, "contractors; accept", "access"),
        (grant.ACCESS, "", "access"),
    ],
)
def test_what_restricts_and_cannot_be_read_refuses(name: str, value: str, label: str) -> None:
    with pytest.raises(GrantError) as caught:
        read([(name, value)])
    assert caught.value.label == label
    assert name in caught.value.detail


def test_two_that_differ_refuse() -> None:
    read([(grant.ACCESS, "a"), (grant.ACCESS, "a")])
    with pytest.raises(GrantError):
        read([(grant.ACCESS, "a"), (grant.ACCESS, "b")])
    with pytest.raises(GrantError):
        read([(grant.IPV4, "10.99.0.7"), (grant.IPV4, "10.99.0.8")])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (grant.ROUTE, "everything", "not-a-network"),
        (grant.ROUTE, "10.0.0.1/8", "not-a-network"),
        (grant.ROUTE, "10.0.0.1", "absurd-network"),
        (grant.ROUTE, "127.0.0.0/8", "absurd-network"),
        (grant.ROUTE, "224.0.0.0/4", "absurd-network"),
        (grant.ROUTE, "fe80::/10", "absurd-network"),
        (grant.DNS, "ns.example.org", "not-an-address"),
        (grant.DNS, "::1", "absurd-address"),
        (grant.DOMAIN, "corp\nexample", "not-a-domain"),
        (grant.DOMAIN, "-x", "not-a-domain"),
    ],
)
def test_what_only_serves_is_left_out(name: str, value: str, reason: str) -> None:
    assert read([(name, value)]) == (Grant(), (Ignored(name, reason, value),))


def test_too_many() -> None:
    routes = [(grant.ROUTE, f"10.{number}.0.0/16") for number in range(grant.ROUTES_MAX + 1)]
    assert read(routes[:-1])[0].routes[-1] == "10.63.0.0/16"
    assert read(routes) == (Grant(), (Ignored("routes", "too-many", "65"),))
    servers = [(grant.DNS, f"10.0.0.{number}") for number in range(1, 5)]
    assert read(servers) == (Grant(), (Ignored("dns", "too-many", "4"),))
    with pytest.raises(GrantError):
        read([(grant.ROUTE, "10.0.0.0/8")] * 257)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"access": 7}', '{"mtu": true}', '{"routes": "x"}', '{"later": 1}'])
def test_a_stored_grant_that_cannot_be_read_gives_nothing(text: str) -> None:
    assert grant.from_json(text) == Grant(access=grant.NO_ACCESS)


values = st.text(max_size=80) | st.sampled_from(["10.0.0.1", "10.0.0.0/8", "::1/128", "600", "staff", "example.org"])


@given(st.lists(st.tuples(st.sampled_from([*grant.NAMES, "other"]), values), max_size=12))
def test_whatever_a_server_says(attributes: list[tuple[str, str]]) -> None:
    with contextlib.suppress(GrantError):
        made, _ = read(attributes)
        assert grant.from_json(grant.to_json(made)) == made
        assert made.access != grant.NO_ACCESS


def test_every_attribute_may_travel() -> None:
    assert set(grant.NAMES) <= ATTRIBUTES.keys()
