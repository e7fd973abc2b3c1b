# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session gets, and from whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.policy.profiles import PLAIN
from wolfguard.auth.grant import NO_ACCESS, Grant
from wolfguard.auth.policy import BURST_MIN, Budget, SessionPolicy, budgets, resolve
from wolfguard.config.site import AccessList, Firewall, Group, Network, Rate, SessionTimeouts, Site, Timeouts

FIREWALL = Firewall(access_lists=(AccessList("few"), AccessList("many")))
SITE = Site(
    name="main",
    groups=(
        Group("plain"),
        Group(
            "staff",
            network=Network("10.98.0.0/16", mtu=1300, dns=("10.0.0.53",), split_include=("10.0.0.0/8",)),
            timeouts=SessionTimeouts(session=7200, idle=900),
            sessions_per_user=1,
            sessions=10,
            access="few",
            rate=Rate(8_000_000, 0, 0),
        ),
        Group("lost", access="gone"),
    ),
    network=Network(),
    timeouts=Timeouts(session=3600, idle=0),
    crypto=PLAIN,
)


def policy(group: str = "", grant: Grant | None = None, site: Site = SITE) -> SessionPolicy:
    return resolve(site, group, grant or Grant(), FIREWALL)


def origins(made: SessionPolicy) -> dict[str, str]:
    return {name: origin for name, _, origin in made.facts()}


@pytest.mark.parametrize("group", ["", "plain"])
def test_the_sites_own(group: str) -> None:
    made = policy(group)
    assert (made.network, made.timeouts.session, made.sessions_per_user) == (SITE.network, 3600, 5)
    assert (made.access, made.rate, made.sessions) == ("", Rate(), 0)
    assert set(origins(made).values()) <= {"site", "group"}
    assert origins(made)["access"] == "site"


def test_a_groups() -> None:
    made = policy("staff")
    assert (made.network.ipv4_pool, made.network.mtu, made.timeouts.idle) == ("10.98.0.0/16", 1300, 900)
    assert (made.sessions_per_user, made.sessions, made.access) == (1, 10, "few")
    assert set(origins(made).values()) == {"group"}


def test_a_servers() -> None:
    grant = Grant(
        ipv4="10.98.0.7",
        routes=("10.9.0.0/16",),
        dns=("10.9.0.53",),
        domain="corp.example.org",
        mtu=1200,
        session_timeout=600,
        idle_timeout=60,
        sessions=1,
        access="many",
        rate_up=1000,
        rate_down=2000,
    )
    made = policy("staff", grant)
    assert made.network.split_include == ("10.9.0.0/16",)
    assert (made.network.dns, made.network.default_domain, made.network.mtu) == (
        ("10.9.0.53",),
        "corp.example.org",
        1200,
    )
    assert (made.timeouts.session, made.timeouts.idle, made.access) == (600, 60, "many")
    assert made.rate == Rate(1000, 2000, 0)
    assert origins(made) == {
        **dict.fromkeys(origins(made), "server"),
        "ipv6": "group",
        "sessions": "group",
    }
    assert {name: value for name, value, _ in made.facts()}["ipv4"] == "10.98.0.7"


def test_a_server_narrows_what_the_site_does_not_let_it_widen() -> None:
    wide = Grant(session_timeout=100_000, idle_timeout=100_000, mtu=9000, sessions=50)
    made = policy("staff", wide)
    assert (made.timeouts.session, made.timeouts.idle, made.network.mtu, made.sessions_per_user) == (7200, 900, 1300, 1)
    assert set(origins(made).values()) == {"group"}
    made = policy("staff", wide, replace(SITE, longer_timeouts=True))
    assert (made.timeouts.session, made.timeouts.idle) == (100_000, 100_000)
    assert origins(made)["idle_timeout"] == "server"
    assert policy("", Grant(idle_timeout=60)).timeouts.idle == 60, "the site's has no end"
    assert policy("", Grant(sessions=2), replace(SITE, sessions_per_user=0)).sessions_per_user == 2


@pytest.mark.parametrize("route", ["0.0.0.0/0", "::/0"])
def test_a_route_to_everything_is_no_split(route: str) -> None:
    assert policy("staff", Grant(routes=(route, "10.0.0.0/8"))).network.split_include == ()


def test_what_is_not_there_any_more_gives_no_access() -> None:
    assert policy("lost").access == NO_ACCESS, "a list"
    assert policy("removed").access == NO_ACCESS, "a group"
    assert policy("staff", Grant(access="gone")).access == NO_ACCESS
    assert policy("", Grant(access=NO_ACCESS)).access == NO_ACCESS
    assert policy("plain", site=replace(SITE, access="many")).access == "many"


def test_budgets() -> None:
    assert budgets(Rate()) == (Budget(0, 0), Budget(0, 0))
    assert budgets(Rate(up=80_000_000)) == (Budget(10_000_000, 1_000_000), Budget(0, 0))
    assert budgets(Rate(8, 16, 100_000)) == (Budget(1, 100_000), Budget(2, 100_000))
    assert budgets(Rate(7, 1000, 1)) == (Budget(1, BURST_MIN), Budget(125, BURST_MIN))
