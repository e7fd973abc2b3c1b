# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects from data: defaults, inheritance of networks, numbers of certificates."""

from __future__ import annotations

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import build
from wolfguard.config.site import AccessList, Firewall, Limits, Listener, Network, Rate, SessionTimeouts, Site


def test_what_is_left_out_has_its_default() -> None:
    made = configuration(MINIMAL)
    assert made.listeners == (Listener(),)
    assert made.limits == Limits()
    assert made.sites[0].network == Network()
    assert made.sites[0].crypto.name == "fips-hybrid"


def test_a_group_starts_from_the_network_of_its_site() -> None:
    text = MINIMAL + (
        "    network: {mtu: 1300, dns: [10.0.0.1]}\n"
        "    groups:\n      - {name: a}\n      - {name: b, network: {dns: []}}\n"
    )
    first, second = configuration(text).sites[0].groups
    assert first.network is None
    assert second.network == Network(mtu=1300)


def test_certificates_are_numbered_through_all_sites() -> None:
    text = MINIMAL.replace(
        "      - certificate: /tls/vpn.pem\n        key: /tls/vpn.key\n",
        "      - {certificate: /a.pem, key: /a.key}\n      - {certificate: /b.pem, key: /b.key}\n"
        "  - name: second\n    server_names: [b.example]\n"
        "    certificates: [{certificate: /c.pem, key: /c.key}]\n",
    )
    sites = configuration(text).sites
    assert [entry.number for site in sites for entry in site.certificates] == [0, 1, 2]


def test_default() -> None:
    assert build.default(Listener, "port") == 443
    assert build.default(Site, "network") == Network()
    with pytest.raises(KeyError):
        build.default(Site, "name")


def test_a_group_starts_from_the_timeouts_and_the_rate_of_its_site() -> None:
    text = MINIMAL + (
        "    timeouts: {session: 7200, dpd: 30, login: 60}\n    rate: {up: 8000000, burst: 100000}\n"
        "    groups:\n      - {name: a}\n"
        "      - {name: b, timeouts: {session: 3600}, rate: {down: 16000000}, sessions_per_user: 1, sessions: 20}\n"
    )
    first, second = configuration(text).sites[0].groups
    assert (first.timeouts, first.rate, first.sessions_per_user, first.sessions) == (None, None, None, 0)
    assert second.timeouts == SessionTimeouts(session=3600, dpd=30)
    assert second.rate == Rate(8_000_000, 16_000_000, 100_000)
    assert (second.sessions_per_user, second.sessions) == (1, 20)


def test_access_lists() -> None:
    text = MINIMAL + (
        "    access: few\n"
        "firewall:\n  masquerade: true\n  access_lists:\n"
        "    - {name: few, allow: [10.0.0.0/8 tcp 443]}\n    - {name: none}\n"
    )
    made = configuration(text)
    assert made.sites[0].access == "few"
    assert made.firewall == Firewall(
        True, access_lists=(AccessList("few", ("10.0.0.0/8 tcp 443",)), AccessList("none"))
    )
