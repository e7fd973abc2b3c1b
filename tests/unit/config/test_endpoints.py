# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sockets the listeners mean, and which clients may be told of UDP."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.config.site_files import MINIMAL, configuration
from wolfguard.config.endpoints import ANY_IPV4, ANY_IPV6, Endpoint, endpoints, hears_datagrams
from wolfguard.config.site import Listener

EVERYWHERE = (Listener(ANY_IPV6, 443),)


def test_every_address_means_both_families() -> None:
    listeners = (
        Listener("::", 443),
        Listener("::", 444),
        Listener(ANY_IPV4, 444, udp=False),
        Listener("192.0.2.1", 5, udp=False),
    )
    assert endpoints(listeners, "source") == (
        Endpoint("::", 443, udp=True),
        Endpoint(ANY_IPV4, 443, udp=True),
        Endpoint("::", 444, udp=True),
        Endpoint(ANY_IPV4, 444, udp=False),
        Endpoint("192.0.2.1", 5, udp=False),
    )


def test_spread_flows_have_no_udp() -> None:
    assert not any(endpoint.udp for endpoint in endpoints(EVERYWHERE, "flow"))


@pytest.mark.parametrize(
    ("listeners", "local", "port", "expected"),
    [
        (EVERYWHERE, "192.0.2.1", 443, True),
        (EVERYWHERE, "2001:db8::1", 443, True),
        (EVERYWHERE, "192.0.2.1", 444, False),
        ((Listener("2001:DB8:0::1", 443),), "2001:db8::1", 443, True),
        ((Listener("2001:db8::2", 443),), "2001:db8::1", 443, False),
        ((Listener(ANY_IPV4, 443),), "2001:db8::1", 443, False),
        ((Listener("::", 443), Listener(ANY_IPV4, 443, udp=False)), "192.0.2.1", 443, False),
        ((Listener("::", 443), Listener("192.0.2.1", 443, udp=False)), "192.0.2.1", 443, True),
        ((Listener("::", 443, udp=False),), "2001:db8::1", 443, False),
    ],
)
def test_who_may_send_datagrams(listeners: tuple[Listener, ...], local: str, port: int, expected: bool) -> None:
    given = dataclasses.replace(configuration(MINIMAL), listeners=listeners)
    assert hears_datagrams(given, local, port) is expected
    assert not hears_datagrams(dataclasses.replace(given, steer="flow"), local, port)
