# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground of the demo and of the network tests: IPv6 works in it as soon as it is settled, the first packet too."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from wolfguard.cli.demo.traffic import ping
from wolfguard.errors import LocalError
from wolfguard.linux import namespace
from wolfguard.linux.namespace import Topology

# A neighbour that could not be asked for is asked for again after a second.
ASKED_AGAIN_MS = 1000


@pytest.fixture
def topology() -> Iterator[Topology]:
    made = Topology.named(f"wgn{os.getpid()}")
    made.delete()
    made.add()
    yield made
    made.delete()


def test_no_address_waits_for_a_duplicate(topology: Topology) -> None:
    everywhere = (topology.client, topology.gateway, topology.upstream)
    assert [each.run("ip", "-6", "-o", "address", "show", "tentative") for each in everywhere] == ["", "", ""]
    topology.settle()
    assert [each.run("ip", "-6", "-o", "address", "show", "tentative") for each in everywhere] == ["", "", ""]


def test_the_first_packet_through_the_gateway_waits_for_nothing(topology: Topology) -> None:
    topology.settle()
    topology.upstream.run("ip", "-6", "route", "add", "2001:db8:1::/64", "via", "2001:db8:2::1")
    assert ping(topology.client, Topology.UPSTREAM_V6, count=1) < ASKED_AGAIN_MS


def test_ground_that_never_settles(topology: Topology, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "SETTLE_SECONDS", 0.2)
    topology.upstream.run("ip", "link", "set", "eth0", "down")
    with pytest.raises(LocalError, match="no link-local addresses"):
        topology.settle()
