# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input in logins, at every kind of backend: an event that says what, a plain answer, nothing of a secret anywhere.

Each way ends with a login of somebody else, who must not have noticed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.interop import pam_ground, roots
from tests.interop.conftest import PASSWORD, Build, Field
from tests.interop.radius import pki
from tests.interop.radius.fault_server import TlsFaults, UdpFaults
from tests.interop.radius.freeradius import SECRET
from tests.interop.radius.test_faults import accept, replayed, unauthenticated
from tests.interop.raw import Raw, inside
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

BUILD = Build(roots.TRIXIE, 4)
HIDDEN = "kept-from-all-logs"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="auth-reply" aggregate-auth-version="2">'


@dataclass
class Servers:
    """`behave` is what the UDP server does at the moment. The one over TLS has a certificate of somebody else."""

    udp: UdpFaults
    tls: TlsFaults
    behave: Callable[[bytes], Sequence[bytes]] = lambda asked: []


@dataclass(frozen=True)
class Made:
    field: Field
    servers: Servers

    def others_go_on(self) -> None:
        raw = Raw.open(self.field.topology.client, str(self.field.site.authority))
        begun = time.monotonic()
        raw.log_in("holly", PASSWORD, "house")
        raw.close()
        assert time.monotonic() - begun < 5

    def says_nothing(self) -> None:
        written = self.field.gateway.log.read_text("utf-8", "replace") + self.field.events()
        assert HIDDEN not in written
        assert SECRET.decode() not in written


@pytest.fixture(scope="module")
def made(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("radius")
    ours, theirs = pki.make(), pki.make()
    for name, content in (
        ("secret", SECRET + b"\n"),
        ("ca.pem", ours.authority),
        ("client.pem", ours.client.chain),
        ("client.key", ours.client.key),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    found: list[Servers] = []

    def ground(topology: Topology) -> None:
        with inside(topology.gateway):
            udp = UdpFaults(lambda asked: found[0].behave(asked))
            tls = TlsFaults(folder, theirs.server, ours.authority, lambda asked: [])
        found.append(Servers(udp, tls))
        udp.__enter__()
        tls.__enter__()

    def edit(document: dict[str, Any]) -> None:
        udp = {"address": "127.0.0.1", "port": found[0].udp.port, "secret": str(folder / "secret")}
        tls = {"address": "127.0.0.1", "port": found[0].tls.port, "name": pki.SERVER_NAME}
        keys = {"authorities": "ca.pem", "certificate": "client.pem", "key": "client.key"}
        document["workers"] = 1
        document["backends"] = [
            {"name": "unix", "type": "pam", "pam": {"service": "wg-unix"}},
            {
                "name": "udp", "type": "radius",
                "radius": {"transport": "udp", "servers": [udp], "crypto_profile": "compat", "response": 1},
            },
            {
                "name": "tls", "type": "radius",
                "radius": {"servers": [tls], "response": 3, **{key: str(folder / name) for key, name in keys.items()}},
            },
        ]  # fmt: skip
        site = document["sites"][0]
        site |= {"crypto_profile": "compat", "authentication": ["local"], "sessions_per_user": 0}
        site["groups"] = [{"name": "house"}]
        site["groups"] += [{"name": name, "authentication": [name]} for name in ("unix", "udp", "tls")]
        document["limits"] = {"handshakes_per_second": 1000, "handshake_burst": 1000, "unauthenticated": 1000}
        document["lockout"] = {"failures": 100, "address_failures": 10000}

    field = make_gateway(edit, ground, pam_ground.lay)
    field.add_user("holly", "house")
    yield Made(field, found[0])
    field.gateway.stop()
    found[0].udp.__exit__()
    found[0].tls.__exit__()


@pytest.fixture
def raw(made: Made) -> Iterator[Raw]:
    connection = Raw.open(made.field.topology.client, str(made.field.site.authority))
    yield connection
    connection.close()


# --- RADIUS servers that lie ------------------------------------------------------------------------------------------


def forged(asked: bytes) -> Sequence[bytes]:
    return [accept(asked, b"a guess")]


def other_number(asked: bytes) -> Sequence[bytes]:
    return [accept(asked[:1] + bytes((asked[1] ^ 9,)) + asked[2:])]


LIES: dict[str, tuple[Callable[[], Callable[[bytes], Sequence[bytes]]], str]] = {
    "forged": (lambda: forged, "radius_forged"),
    "without Message-Authenticator": (lambda: lambda asked: [unauthenticated(asked)], "radius_unauthenticated"),
    "truncated": (lambda: lambda asked: [accept(asked)[:-1], accept(asked)[:21]], "radius_length"),
    "of another request": (lambda: other_number, "radius_unasked"),
    "noise": (lambda: lambda asked: [b"", b"\0", b"\xff" * 5000, asked], "radius_length"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_server_that_lies(made: Made, clients: list[Client], name: str) -> None:
    lie, label = LIES[name]
    made.servers.behave = lie()
    client = log_in(made, clients, "udp")
    client.start()
    made.others_go_on()
    assert client.wait_end() != 0
    assert client.said("cannot be checked at the moment")
    assert f"reason={label}" in made.field.gateway.log.read_text("utf-8", "replace")
    assert unavailable(made, "udp") == {"timeout"}
    made.says_nothing()


def test_a_reply_that_is_said_again(made: Made, clients: list[Client]) -> None:
    """An accept lets one in, and never a second one."""
    made.servers.behave = replayed()
    log_in(made, clients, "udp").start()
    assert made.field.recorded('"reason":"group"'), "the first accept was true, though it names no group"
    client = log_in(made, clients, "udp")
    client.start()
    assert client.wait_end() != 0
    assert client.said("cannot be checked at the moment")
    made.says_nothing()


def test_a_server_with_the_certificate_of_another(made: Made, clients: list[Client]) -> None:
    client = log_in(made, clients, "tls")
    client.start()
    made.others_go_on()
    assert client.wait_end() != 0
    assert client.said("cannot be checked at the moment")
    assert unavailable(made, "tls") == {"tls_chain"}
    assert made.servers.tls.heard == []
    made.says_nothing()


def log_in(made: Made, clients: list[Client], group: str) -> Client:
    client = BUILD.client(made.field, "alice", HIDDEN, options=(f"--authgroup={group}",))
    clients.append(client)
    return client


def unavailable(made: Made, method: str) -> set[str]:
    """Reasons in the records of logins that this backend could not decide."""
    assert made.field.recorded("login.unavailable")
    lines = [line for line in made.field.events().splitlines() if "login.unavailable" in line]
    return {
        found[1] for line in lines if f'"method":"{method}"' in line and (found := re.search(r'"reason":"(\w+)"', line))
    }


# --- clients that send what no form asks for --------------------------------------------------------------------------

PLAIN: dict[str, tuple[bytes, int, str]] = {
    "1 MB": (b"username=pia&password=" + b"x" * 1_000_000, 413, "http_body_too_large"),
    "200 KB": (b"username=pia&password=" + b"x" * 200_000, 400, "login_field_limit"),
    "NUL": (b"username=pia&password=a%00" + HIDDEN.encode(), 400, "login_field"),
    "NUL in the name": (b"username=pi%00a&password=" + HIDDEN.encode(), 400, "login_field"),
    "no UTF-8": (b"username=pia&password=%ff%fe" + HIDDEN.encode(), 400, "login_field"),
    "a field of no form": (b"username=pia&pass%20word=" + HIDDEN.encode(), 400, "login_field"),
    "markup for a field": (b"username=pia&%3Cscript%3E=" + HIDDEN.encode(), 400, "login_field"),
    "no name of a field": (b"username=pia&=" + HIDDEN.encode(), 400, "login_field"),
    "a long name": (b"username=pia&" + b"a" * 65 + b"=" + HIDDEN.encode(), 400, "login_field"),
    "a field twice": (b"username=pia&password=x&password=" + HIDDEN.encode(), 400, "login_field"),
    "many fields": (b"&".join(b"f%d=x" % number for number in range(17)), 400, "login_field_limit"),
    "a broken escape": (b"username=pia&password=%zz" + HIDDEN.encode(), 400, "login_form"),
}
XML: dict[str, tuple[bytes, int, str]] = {
    "1 MB": (b"<auth><password>" + b"x" * 1_000_000 + b"</password></auth>", 413, "http_body_too_large"),
    "200 KB": (b"<auth><password>" + b"x" * 200_000 + b"</password></auth>", 400, "markup_limit|login_field_limit"),
    "NUL": (b"<auth><password>a\0" + HIDDEN.encode() + b"</password></auth>", 400, "markup_malformed|markup_encoding"),
    "NUL by name": (b"<auth><password>a&#0;" + HIDDEN.encode() + b"</password></auth>", 400, "markup_malformed"),
    "no UTF-8": (b"<auth><password>\xff" + HIDDEN.encode() + b"</password></auth>", 400, "markup_\\w+"),
    "a field of no form": (b"<auth><a:b>" + HIDDEN.encode() + b"</a:b></auth>", 400, "markup_\\w+|login_field"),
    "a long name": (b"<auth><" + b"a" * 65 + b">x</" + b"a" * 65 + b"></auth>", 400, "login_field"),
    "many fields": (b"<auth>" + b"".join(b"<f%d>x</f%d>" % (n, n) for n in range(17)) + b"</auth>", 400, "login_\\w+"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_form(made: Made, raw: Raw, name: str) -> None:
    body, status, label = PLAIN[name]
    refused(made, raw, body, status, label)


@pytest.mark.parametrize("name", XML)
def test_a_document(made: Made, raw: Raw, name: str) -> None:
    body, status, label = XML[name]
    refused(made, raw, HEAD + body + b"</config-auth>", status, label)


def refused(made: Made, raw: Raw, body: bytes, status: int, label: str) -> None:
    head = f"POST /auth HTTP/1.1\r\nHost: {Topology.GATEWAY_V4}\r\nContent-Length: {len(body)}\r\n\r\n"
    # The gateway answers a length that it does not take before it has come.
    raw.send(head.encode() + body[: 16 * 1024])
    for start in range(16 * 1024, len(body) if status != 413 else 0, 16 * 1024):
        raw.send(body[start : start + 16 * 1024])
    answered, _, page = raw.answer()
    assert answered == status
    assert HIDDEN.encode() not in page
    end = time.monotonic() + 5
    while not re.search(f'"reason":"({label})"', made.field.events()):
        assert time.monotonic() < end, f"no record of {label}"
    made.others_go_on()
    made.says_nothing()


NAMES = (
    "-rf",
    "--help",
    "../../etc/shadow",
    "$(reboot)",
    "a b",
    "pia:x",
    "%s%n",
    "ü" * 200,
    "' OR 1=1 --",
    "root\u202etoor",
)


@pytest.mark.parametrize("group", ["house", "unix", "udp"])
@pytest.mark.parametrize("name", NAMES)
def test_names_like_options_and_paths(made: Made, clients: list[Client], group: str, name: str) -> None:
    """They are names that nobody has, at every backend, and RADIUS servers hear them as they are or not at all."""
    made.servers.behave = lambda asked: [b""]
    client = BUILD.client(made.field, name, HIDDEN, options=(f"--authgroup={group}",))
    clients.append(client)
    client.start()
    assert client.wait_end() != 0
    assert client.said("Login failed|cannot be checked at the moment")
    made.says_nothing()
