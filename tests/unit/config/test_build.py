# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects from data: defaults, inheritance of networks, numbers of certificates."""

from __future__ import annotations

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config import build
from wolfguard.config.site import Limits, Listener, Network, Site


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
