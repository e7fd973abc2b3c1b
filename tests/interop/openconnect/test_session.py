# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a session of every client build: traffic, a cut connection, a kick, a time limit, a reload."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import iperf_server, ping, transfer
from wolfguard.linux.namespace import Topology

MOVED = 20_000_000
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
            assert transfer(field.topology.client, address, size=MOVED, down=False).bytes > MOVED // 2
            assert transfer(field.topology.client, address, size=MOVED, down=True).bytes > MOVED // 2


def test_reconnect_after_cut(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    inside = client.connect()
    number = session_of(field, inside)["session"]
    cut(field)
    client.wait_for(r"(?i)reconnect|Failed to|Connection reset|SSL read error|EOF|socket closed")
    client.wait_for(ANSWERED)
    assert ping(field.topology.client, Topology.UPSTREAM_V4) >= 0
    assert session_of(field, inside)["session"] == number


def cut(field: Field) -> None:
    """Resets the connections that stand now, and no new one, as a middlebox does that has lost its state."""
    standing = field.topology.client.run("ss", "-Htn", "state", "established", "dport", "=", ":443").splitlines()
    ports = ",".join(line.split()[2].rpartition(":")[2] for line in standing)
    gateway = field.topology.gateway
    gateway.run("nft", "add table inet cut")
    gateway.run("nft", "add chain inet cut input { type filter hook input priority -200; }")
    gateway.run("nft", f"add rule inet cut input tcp dport 443 tcp sport {{ {ports} }} reject with tcp reset")
    # a packet of the client runs into it
    field.topology.client.run("sh", "-c", f"ping -c 1 -W 1 {Topology.UPSTREAM_V4} >/dev/null 2>&1 || true")
    gateway.run("nft", "delete table inet cut")


def session_of(field: Field, inside: str) -> dict[str, Any]:
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    found: dict[str, Any] = next(each for each in sessions if each["ipv4"] == inside)
    return found


def test_server_side_disconnect(field: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(field, "alice", PASSWORD, options=("--authgroup=staff",))
    clients.append(client)
    inside = client.connect()
    number = session_of(field, inside)["session"]
    result = field.site.wolfguard("disconnect", str(number))
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
    """A gateway whose sessions last five seconds."""

    def edit(document: dict[str, Any]) -> None:
        document["sites"][0]["timeouts"] = {"session": 5}

    made = make_gateway(edit)
    made.add_user("alice")
    return made


def test_session_timeout(brief: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(brief, "alice", PASSWORD)
    clients.append(client)
    client.connect()
    client.wait_end(limit=15)
    assert json.loads(brief.site.wolfguard("sessions", "--json").stdout)["sessions"] == []
