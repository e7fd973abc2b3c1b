# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a session of every client build: traffic, a cut connection, a kick, a time limit, a reload."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import iperf_server, ping, transfer
from wolfguard.linux.namespace import Topology

ANSWERED = r"Got CONNECT response: HTTP/1.1 200"


def test_traffic_both_ways(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    inside = client.connect()
    ping(field.topology.client, Topology.UPSTREAM_V4)
    ping(field.topology.client, Topology.UPSTREAM_V6)
    ping(field.topology.client, Topology.UPSTREAM_V4, size=1300)
    ping(field.topology.upstream, inside)
    with iperf_server(field.topology.upstream):
        for address in (Topology.UPSTREAM_V4, Topology.UPSTREAM_V6):
            assert transfer(field.topology.client, address, 1, down=False).bytes > 10_000_000
            assert transfer(field.topology.client, address, 1, down=True).bytes > 10_000_000


def test_reconnect_after_cut(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    inside = client.connect()
    cut(field)
    client.wait_for(r"(?i)reconnect|Failed to|Connection reset|SSL read error|EOF|socket closed")
    heal(field)
    client.wait_for(ANSWERED)
    assert ping(field.topology.client, Topology.UPSTREAM_V4) >= 0
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    assert [each["ipv4"] for each in sessions if each["ipv4"] == inside] == [inside]


def cut(field: Field) -> None:
    """Resets every connection to the gateway's port for as long as it stands."""
    gateway = field.topology.gateway
    gateway.run("nft", "add table inet cut")
    gateway.run("nft", "add chain inet cut input { type filter hook input priority -200; }")
    gateway.run("nft", "add rule inet cut input tcp dport 443 reject with tcp reset")
    # a packet each way, so that both ends learn of it now
    field.topology.client.run("sh", "-c", f"ping -c 1 -W 1 {Topology.UPSTREAM_V4} >/dev/null 2>&1 || true")


def heal(field: Field) -> None:
    field.topology.gateway.run("nft", "delete table inet cut")


def test_server_side_disconnect(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    inside = client.connect()
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    number = next(each["session"] for each in sessions if each["ipv4"] == inside)
    result = field.site.wolfguard("disconnect", "--session", str(number))
    assert result.returncode == 0, result.stderr
    client.wait_end()
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    assert inside not in [each["ipv4"] for each in sessions]


def test_reload_in_mid_session(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    client.connect()
    result = field.site.wolfguard("reload", "--json")
    assert result.returncode == 0, result.stderr
    ping(field.topology.client, Topology.UPSTREAM_V4)
    other = build.client(field, "alice", PASSWORD, options=("--authgroup=guests",), device="tun1")
    clients.append(other)
    other.connect()


@pytest.fixture(scope="session")
def brief(make_gateway: Callable[..., Field]) -> Field:
    """A gateway whose sessions last four seconds."""
    made = make_gateway()
    made.site.document["sites"][0]["timeouts"] = {"session": 4}
    made.site.write()
    made.gateway.stop()
    made.gateway.start()
    made.add_user("alice")
    return made


def test_session_timeout(brief: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(brief, "alice", PASSWORD)
    clients.append(client)
    client.connect()
    client.wait_end(limit=15)
    assert json.loads(brief.site.wolfguard("sessions", "--json").stdout)["sessions"] == []
