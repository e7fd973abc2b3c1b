# SPDX-License-Identifier: GPL-3.0-or-later
"""What groups give and take: access lists, session limits, timeouts, rates; and a reload that tightens them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import TrafficError, iperf_server, ping, transfer
from wolfguard.linux.namespace import Topology

UPSTREAMS = (Topology.UPSTREAM_V4, Topology.UPSTREAM_V6)
RATE_UP, RATE_DOWN = 8_000_000, 16_000_000
BURST = 100_000
BUILDS = [Build(roots.BOOKWORM, 4), Build(roots.OPENSSL, 6)]


def listed(*allow: str) -> list[dict[str, Any]]:
    """An access list of contractors: the upstream host with what follows its address."""
    prefixes = (f"{Topology.UPSTREAM_V4}/32", f"{Topology.UPSTREAM_V6}/128")
    return [{"name": "contractors", "allow": [f"{prefix} {each}" for prefix in prefixes for each in allow]}]


@pytest.fixture(scope="module")
def groups(make_gateway: Callable[..., Field]) -> Field:
    def edit(document: dict[str, Any]) -> None:
        site = document["sites"][0]
        site["sessions_per_user"] = 100
        site["groups"] = [
            {"name": "contractors", "access": "contractors"},
            {"name": "pair", "sessions": 2},
            {"name": "brief", "timeouts": {"session": 5}},
            {"name": "slow", "rate": {"up": RATE_UP, "down": RATE_DOWN, "burst": BURST}},
        ]
        document["firewall"]["access_lists"] = listed("icmp")
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    made = make_gateway(edit)
    made.add_user("alice", "contractors", "pair", "brief", "slow")
    return made


def connected(field: Field, build: Build, clients: list[Client], group: str, **settings: Any) -> str:
    """The inside address of a client in this group."""
    client = build.client(field, "alice", PASSWORD, options=(f"--authgroup={group}",), **settings)
    clients.append(client)
    return client.connect()


def denied(field: Field) -> int:
    status = json.loads(field.site.wolfguard("status", "--json").stdout)
    return int(status["facts"]["netd"]["firewall.denied_by_access"].split()[0])


def reload(field: Field, lists: list[dict[str, Any]]) -> None:
    field.site.document["firewall"]["access_lists"] = lists
    field.site.write()
    result = field.site.wolfguard("reload")
    assert result.returncode == 0, result.stderr


@contextmanager
def one_flow(field: Field, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Echo requests of one flow for the time of the block."""
    command = field.topology.client.inside(["ping", "-n", "-i", "0.05", address])
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize("build", BUILDS, ids=["gnutls-ipv4", "openssl-ipv6"])
def test_an_access_list(groups: Field, build: Build, clients: list[Client]) -> None:
    reload(groups, listed("icmp"))
    inside = connected(groups, build, clients, "contractors")
    for address in UPSTREAMS:
        ping(groups.topology.client, address)
        with iperf_server(groups.topology.upstream), pytest.raises(TrafficError):
            transfer_at_once(groups, address)
    with pytest.raises(TrafficError):
        ping(groups.topology.upstream, inside, count=1, patience=0.5)
    policy = groups.session(inside)["policy"]
    assert policy["access"] == {"value": "contractors", "origin": "group"}
    assert policy["mtu"]["origin"] == "site"
    # the same, by a list that has the port
    reload(groups, listed("icmp", "tcp 5201"))
    with iperf_server(groups.topology.upstream):
        for address in UPSTREAMS:
            assert transfer(groups.topology.client, address, size=2_000_000, down=True).bytes > 1_000_000


def transfer_at_once(field: Field, address: str) -> None:
    """A TCP connection that must not take its time: the first segment is lost."""
    command = ["iperf3", "-c", address, "--connect-timeout", "700", "-n", "1000"]
    result = subprocess.run(field.topology.client.inside(command), check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise TrafficError(result.stderr)


@pytest.mark.parametrize("build", BUILDS[:1], ids=["gnutls-ipv4"])
def test_a_reload_that_tightens_access_in_mid_flow(groups: Field, build: Build, clients: list[Client]) -> None:
    reload(groups, listed("icmp"))
    inside = connected(groups, build, clients, "contractors")
    number, before = groups.session(inside)["session"], denied(groups)
    with one_flow(groups, Topology.UPSTREAM_V4) as flow:
        assert flow.stdout is not None
        while b"icmp_seq=3" not in flow.stdout.readline():
            pass
        reload(groups, listed("tcp 443"))
        end = time.monotonic() + 10
        while denied(groups) < before + 3:
            assert time.monotonic() < end, "an open flow outlived its permission"
    for address in UPSTREAMS:
        with pytest.raises(TrafficError):
            ping(groups.topology.client, address, count=1, patience=0.5)
    reload(groups, listed("icmp"))
    for address in UPSTREAMS:
        ping(groups.topology.client, address)
    assert groups.session(inside)["session"] == number


@pytest.mark.parametrize("build", BUILDS[:1], ids=["gnutls-ipv4"])
def test_as_many_sessions_as_a_group_may_have(groups: Field, build: Build, clients: list[Client]) -> None:
    for number in range(2):
        connected(groups, build, clients, "pair", device=f"tun{number}")
    third = build.client(groups, "alice", PASSWORD, options=("--authgroup=pair",), device="tun2")
    clients.append(third)
    third.start()
    assert third.wait_end() != 0
    assert third.said("as many sessions as it may have")
    assert groups.recorded("sessions-of-group")


@pytest.mark.parametrize("build", BUILDS[:1], ids=["gnutls-ipv4"])
def test_the_timeout_of_a_group(groups: Field, build: Build, clients: list[Client]) -> None:
    lasting = connected(groups, build, clients, "contractors", device="tun1")
    inside = connected(groups, build, clients, "brief")
    clients[-1].wait_end(limit=15)
    sessions = json.loads(groups.site.wolfguard("sessions", "--json").stdout)["sessions"]
    addresses = {each["ipv4"] for each in sessions}
    assert lasting in addresses
    assert inside not in addresses


@pytest.mark.parametrize("build", BUILDS, ids=["tls", "dtls"])
def test_rates(groups: Field, build: Build, clients: list[Client]) -> None:
    """Whichever channel carries them: never more than the burst and the time's worth, by what arrived."""
    inside = connected(groups, build, clients, "slow", dtls=build.root is roots.OPENSSL)
    if build.root is roots.OPENSSL:
        clients[-1].wait_dtls()
    dropped = groups.counters()
    with iperf_server(groups.topology.upstream):
        for down, rate, counter in ((False, RATE_UP, "drop_rate_up"), (True, RATE_DOWN, "drop_rate_down")):
            name = "sent_bytes" if down else "received_bytes"
            begun, before = time.monotonic(), groups.session(inside)[name]
            assert transfer(groups.topology.client, Topology.UPSTREAM_V4, seconds=2, down=down).bytes > 50_000
            seconds, passed = time.monotonic() - begun, groups.session(inside)[name] - before
            assert passed <= BURST + rate / 8 * (seconds + 0.1)
            assert groups.counters().get(counter, 0) > dropped.get(counter, 0)
