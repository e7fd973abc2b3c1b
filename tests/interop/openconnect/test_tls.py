# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as real clients negotiate it: versions, certificates, hybrid key exchange, and keys renewed in mid-traffic."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client, ClientError
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology

TLS12 = "NORMAL:-VERS-ALL:+VERS-TLS1.2"
RSA_ONLY = "NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"
GNUTLS = [Build(root, 4) for root in (roots.BOOKWORM, roots.TRIXIE, roots.SID)]
OPENSSL = Build(roots.OPENSSL, 4)
GROUPS = """\
openssl_conf = initial
[initial]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
Groups = {groups}
"""


def tls_of(field: Field, inside: str) -> dict[str, Any]:
    sessions = json.loads(field.site.wolfguard("sessions", "--json").stdout)["sessions"]
    found: dict[str, Any] = next(each for each in sessions if each["ipv4"] == inside)["tls"]
    return found


@pytest.mark.parametrize("gnutls", GNUTLS, ids=lambda each: each.root.name)
def test_tls12(field: Field, gnutls: Build, clients: list[Client]) -> None:
    client = gnutls.client(field, "alice", PASSWORD, options=("--authgroup=staff", f"--gnutls-priority={TLS12}"))
    clients.append(client)
    tls = tls_of(field, client.connect())
    assert tls["version"] == "TLS 1.2"
    assert tls["extended_master_secret"] is True
    ping(field.topology.client, Topology.UPSTREAM_V4)


@pytest.mark.parametrize("gnutls", GNUTLS, ids=lambda each: each.root.name)
def test_rsa_certificate(field: Field, gnutls: Build, clients: list[Client]) -> None:
    client = gnutls.client(field, "alice", PASSWORD, options=("--authgroup=staff", f"--gnutls-priority={RSA_ONLY}"))
    clients.append(client)
    assert tls_of(field, client.connect())["signature"].startswith("rsa_")
    ping(field.topology.client, Topology.UPSTREAM_V4)


def offering(field: Field, groups: str, **settings: Any) -> Client:
    """The OpenSSL build with a configuration that offers these groups."""
    path = roots.make(roots.OPENSSL)
    (path / "tmp" / "groups.cnf").write_text(GROUPS.format(groups=groups))
    client = OPENSSL.client(field, "alice", PASSWORD, **settings)
    client.runner = lambda command: [*roots.enter(path), "env", "OPENSSL_CONF=/tmp/groups.cnf", *command]
    return client


@pytest.mark.needs_mlkem
@pytest.mark.parametrize("group", ["SecP256r1MLKEM768", "SecP384r1MLKEM1024"])
def test_hybrid_group(field: Field, group: str, clients: list[Client]) -> None:
    client = offering(field, f"{group}:P-256", options=("--authgroup=staff",))
    clients.append(client)
    assert tls_of(field, client.connect())["group"] == group
    ping(field.topology.client, Topology.UPSTREAM_V4)


def test_hybrid_outside_the_profile_is_not_taken(field: Field, clients: list[Client]) -> None:
    client = offering(field, "X25519MLKEM768:X25519", options=("--authgroup=staff",))
    clients.append(client)
    with pytest.raises(ClientError):
        client.connect()
    assert field.recorded("handshake_no_group")


@pytest.fixture(scope="session")
def compatible(make_gateway: Callable[..., Field]) -> Field:
    """A gateway with the profile `compat`, short keys and short patience."""

    def edit(document: dict[str, Any]) -> None:
        document["sites"][0]["crypto_profile"] = "compat"
        document["sites"][0]["timeouts"] = {"rekey": 1, "dpd": 2}

    made = make_gateway(edit)
    made.add_user("alice")
    return made


@pytest.mark.needs_mlkem
def test_stock_hybrid_under_compat(compatible: Field, clients: list[Client]) -> None:
    client = OPENSSL.client(compatible, "alice", PASSWORD)
    clients.append(client)
    assert tls_of(compatible, client.connect())["group"] == "X25519MLKEM768"


@pytest.mark.needs_mlkem
def test_keys_are_renewed_under_traffic(compatible: Field, build: Build, clients: list[Client]) -> None:
    client = build.client(compatible, "alice", PASSWORD)
    clients.append(client)
    before = counter(compatible, "rekeyed")
    client.connect()
    # 2.5 s of traffic over keys that last one second
    ping(compatible.topology.client, Topology.UPSTREAM_V4, count=50)
    assert counter(compatible, "rekeyed") > before
    assert not client.said("(?i)reconnect")


@pytest.mark.needs_mlkem
def test_silent_peer_is_given_up(compatible: Field, clients: list[Client]) -> None:
    client = OPENSSL.client(compatible, "alice", PASSWORD)
    clients.append(client)
    client.connect()
    before = counter(compatible, "dpd_timeout")
    namespace = compatible.topology.gateway
    namespace.run("nft", "add table inet silence")
    namespace.run("nft", "add chain inet silence input { type filter hook input priority -200; }")
    namespace.run("nft", "add rule inet silence input iifname outside tcp dport 443 drop")
    try:
        end = time.monotonic() + 15
        while counter(compatible, "dpd_timeout") == before:
            assert time.monotonic() < end, "a silent peer is still taken for alive"
            time.sleep(0.2)
    finally:
        namespace.run("nft", "delete table inet silence")


def counter(field: Field, name: str) -> int:
    status = json.loads(field.site.wolfguard("status", "--json").stdout)
    return int(status["counters"].get(name, 0))


def test_certificate_is_checked_by_the_client(field: Field, tmp_path: Path) -> None:
    """The chain that the gateway sends is whole: a client with our authority alone accepts it."""
    command = ["openssl", "s_client", "-brief", "-verify_return_error", "-CAfile", str(field.site.authority)]
    command += ["-connect", f"{Topology.GATEWAY_V4}:443", "-servername", "vpn.example.test"]
    inside = field.topology.client.inside(command)
    result = subprocess.run(inside, input=b"", check=False, capture_output=True, timeout=20)
    assert b"Verification: OK" in result.stderr, result.stderr
