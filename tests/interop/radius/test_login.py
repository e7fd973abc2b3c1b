# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins of real openconnect clients through a whole gateway at a real FreeRADIUS: RADIUS/1.1 under the default
profile, and UDP under the profile that allows it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop import roots
from tests.interop.conftest import PASSWORD, Build, Field
from tests.interop.radius import pki
from tests.interop.radius.freeradius import SECRET, FreeRadius
from tests.system import injection, parsers
from tests.system.whole_gateway import status, until
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

BUILD = Build(roots.TRIXIE, 4)
Made = tuple[Field, FreeRadius]


def gateway(
    make_gateway: Callable[..., Field], server: FreeRadius, radius: dict[str, Any], profile: str = "fips-hybrid"
) -> Field:
    def ground(topology: Topology) -> None:
        server.within = lambda command: topology.gateway.inside(command)
        server.start()

    def edit(document: dict[str, Any]) -> None:
        document["workers"] = 1
        document["backends"] = [{"name": "corp", "type": "radius", "timeout": 6, "radius": radius}]
        site = document["sites"][0]
        site["crypto_profile"] = profile
        site["authentication"] = ["corp"]
        site["groups"] = [{"name": "staff"}, {"name": "house", "authentication": ["local"]}]
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    return make_gateway(edit, ground)


@pytest.fixture(scope="module")
def over_tls(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    certificates = pki.make()
    folder = tmp_path_factory.mktemp("radius")
    laid = certificates.lay(folder)
    server = FreeRadius(roots.RADIUS11, folder, pki=certificates, version_1_1="allow")
    radius = {
        "servers": [{"address": "127.0.0.1", "port": server.port, "name": pki.SERVER_NAME}],
        **laid,
        "response": 2,
    }
    made = gateway(make_gateway, server, radius)
    made.add_user("holly", "house")
    yield made, server
    made.gateway.stop()
    server.stop()


@pytest.fixture(scope="module")
def over_udp(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("radius")
    (folder / "secret").write_bytes(SECRET + b"\n")
    (folder / "secret").chmod(0o600)
    server = FreeRadius(roots.RADIUS12, folder)
    servers = [{"address": "127.0.0.1", "port": server.port, "secret": str(folder / "secret")}]
    radius = {"transport": "udp", "servers": servers, "crypto_profile": "compat", "response": 2}
    made = gateway(make_gateway, server, radius, "compat")
    yield made, server
    made.gateway.stop()
    server.stop()


def log_in(field: Field, clients: list[Client], user: str, *secrets: str, group: str = "staff") -> Client:
    client = BUILD.client(field, user, *secrets, options=(f"--authgroup={group}",))
    clients.append(client)
    return client


def log(field: Field) -> str:
    return field.gateway.log.read_text(errors="replace")


def test_radius_1_1(over_tls: Made, clients: list[Client]) -> None:
    field, _ = over_tls
    assert log_in(field, clients, "alice", "wonder").connect() == "10.99.1.2"
    assert "protocol=radius/1.1" in log(field)
    assert '"method":"corp"' in field.events().replace(" ", "")


def test_a_wrong_password_then_the_right_one(over_tls: Made, clients: list[Client]) -> None:
    client = log_in(over_tls[0], clients, "alice", "wrong", "wonder")
    client.connect()
    assert client.said("Login failed")


def test_a_challenge(over_tls: Made, clients: list[Client]) -> None:
    client = log_in(over_tls[0], clients, "otp", "first", "123456")
    client.connect()
    assert client.said("Enter your token")


def test_a_server_that_stops_in_mid_login(over_tls: Made, clients: list[Client]) -> None:
    """The login ends with a plain message, others log in meanwhile, and when the server is back so are its users."""
    field, server = over_tls
    server.send(signal.SIGSTOP)
    try:
        client = log_in(field, clients, "alice", "wonder")
        client.start()
        begin = time.monotonic()
        other = log_in(field, clients, "holly", PASSWORD, group="house")
        other.connect()
        other.stop()
        assert time.monotonic() - begin < 5
        assert client.wait_end() != 0
    finally:
        server.send(signal.SIGCONT)
    assert field.recorded("timeout")
    assert "wonder" not in log(field) + field.events()
    log_in(field, clients, "alice", "wonder").connect()


@pytest.mark.parametrize("target", parsers.WITH_RADIUS)
def test_an_exception_in_a_parser_is_survived(over_tls: Made, clients: list[Client], target: str) -> None:
    """It ends that login, at most, and is written down without its words."""
    field, _ = over_tls
    (authd,) = [each["pid"] for each in status(field)["processes"] if each["process"] == "authd"]
    injection.force(authd, [target])
    log_in(field, clients, "carol", "wonder").start()
    until(lambda: f"RuntimeError at {injection.mark(target)}" in log(field), "the exception")
    log_in(field, clients, "carol", "wonder").connect()
    assert [each["pid"] for each in status(field)["processes"] if each["process"] == "authd"] == [authd]
    assert injection.SECRET not in log(field)


def test_udp(over_udp: Made, clients: list[Client]) -> None:
    field, _ = over_udp
    client = log_in(field, clients, "alice", "wrong", "wonder")
    client.connect()
    assert client.said("Login failed")
    for hidden in (SECRET.decode(), "wonder"):
        assert hidden not in log(field) + field.events()
