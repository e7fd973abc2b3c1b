# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ways into a gateway, with every client build: banners, groups by URL, plain forms, limits, and networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, WRONG, Build, Field
from tests.interop.raw import Raw
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

BUILDS = [Build(root, 4) for root in roots.CLIENTS]
EVERY = pytest.mark.parametrize("way", BUILDS, ids=lambda each: each.root.name)
LOCK_AFTER = 3


@pytest.fixture(scope="module")
def mannered(make_gateway: Callable[..., Field]) -> Field:
    """A gateway with banners, a group with a network of its own, one session a user and a strict lockout."""

    def edit(document: dict[str, Any]) -> None:
        site = document["sites"][0]
        site["banner"] = {"login": "Authorised use only.", "session": "Welcome & behave <well>."}
        site["sessions_per_user"] = 1
        site["groups"] = [
            {"name": "staff", "label": "All staff"},
            {
                "name": "lab",
                "label": "Laboratory",
                "network": {
                    "ipv4_pool": Topology.INSIDE_V4,
                    "ipv6_pool": Topology.INSIDE_V6,
                    "dns": ["10.99.0.1"],
                    "split_include": ["198.51.100.0/25", "192.0.2.0/24"],
                    "split_exclude": ["192.0.2.128/25"],
                    "split_dns": ["lab.example.test"],
                    "default_domain": "lab.example.test",
                },
            },
        ]
        document["lockout"] = {"failures": LOCK_AFTER}
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}

    made = make_gateway(edit)
    for name in ("alice", "bob", "carol"):
        made.add_user(name, "staff", "lab")
    return made


def group_of(field: Field, inside: str) -> str:
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    return str(next(each for each in sessions if each["ipv4"] == inside)["group"])


@EVERY
def test_banners(mannered: Field, way: Build, clients: list[Client]) -> None:
    client = way.client(mannered, "alice", PASSWORD, options=("--authgroup=All staff", "--dump-http-traffic"))
    clients.append(client)
    client.connect()
    assert client.said("Authorised use only")
    assert client.said("Welcome &amp; behave")


@EVERY
def test_group_by_url(mannered: Field, way: Build, clients: list[Client]) -> None:
    client = way.client(mannered, "alice", PASSWORD, options=("--usergroup=lab", "--authgroup=Laboratory"))
    clients.append(client)
    assert group_of(mannered, client.connect()) == "lab"


@EVERY
def test_plain_forms(mannered: Field, way: Build, clients: list[Client]) -> None:
    client = way.client(mannered, "alice", PASSWORD, options=("--authgroup=All staff", "--no-xmlpost"))
    clients.append(client)
    client.connect()


@EVERY
def test_what_a_group_gets(mannered: Field, way: Build, clients: list[Client]) -> None:
    client = way.client(mannered, "alice", PASSWORD, options=("--authgroup=Laboratory",))
    clients.append(client)
    client.connect()
    namespace = mannered.topology.client
    tunnel = namespace.run("ip", "-4", "route", "show", "dev", client.device)
    assert "198.51.100.0/25" in tunnel
    assert "192.0.2.0/24" in tunnel
    assert "192.0.2.128/25" not in tunnel
    assert "192.0.2.128/25" in namespace.run("ip", "-4", "route", "show", "dev", "eth0")
    assert client.said("X-CSTP-DNS: 10.99.0.1")
    assert client.said("X-CSTP-Split-DNS: lab.example.test")


def test_one_session_a_user(mannered: Field, clients: list[Client]) -> None:
    first = BUILDS[0].client(mannered, "bob", PASSWORD, options=("--authgroup=All staff",))
    clients.append(first)
    inside = first.connect()
    second = BUILDS[0].client(mannered, "bob", PASSWORD, options=("--authgroup=All staff",), device="tun1")
    clients.append(second)
    second.start()
    assert second.wait_end() != 0
    assert group_of(mannered, inside) == "staff"


def test_lockout(mannered: Field) -> None:
    """Failures lock the account even for the right password, until an administrator unlocks it."""

    def attempt(password: str) -> bool:
        raw = Raw.open(mannered.topology.client, str(mannered.site.authority))
        try:
            raw.log_in("carol", password, "staff")
        except ConnectionError:
            return False
        finally:
            raw.close()
        return True

    assert not any(attempt(WRONG) for _ in range(LOCK_AFTER))
    assert not attempt(PASSWORD)
    assert mannered.recorded("carol")
    assert mannered.site.wolfguard("user", "unlock", "carol").returncode == 0
    assert attempt(PASSWORD)
