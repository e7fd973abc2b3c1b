# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers end and change sessions of real openconnect clients: over TLS on the gateway's own connections under the
default profile, and by FreeRADIUS's radclient over UDP under the profile that allows it. Whoever forges, repeats or
cuts such a request is not heard, and counted."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop import raw, roots
from tests.interop.conftest import Build, Field
from tests.interop.openconnect.datagrams import ANSWERED
from tests.interop.radius import pki
from tests.interop.radius.freeradius import SECRET, FreeRadius, free_port
from tests.interop.radius.ordering_server import OrderingServer
from tests.interop.radius.test_login import gateway
from tests.system import injection, parsers
from tests.system.whole_gateway import Json, asked, sessions, status, until
from wolfguard.auth.radius import dynamic, packet
from wolfguard.auth.radius.dictionary import number, pair
from wolfguard.auth.radius.packet import Packet, decode
from wolfguard.auth.radius.protection import Historic
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology
from wolfguard.secret import Secret

BUILD = Build(roots.TRIXIE, 4)
STRANGER = "127.0.0.9"


def connect(field: Field, clients: list[Client], user: str = "alice", group: str = "staff") -> tuple[Client, Json]:
    client = BUILD.client(field, user, "wonder", options=(f"--authgroup={group}",))
    clients.append(client)
    client.connect()
    (session,) = sessions(field, user)
    return client, session


def named(session: Json) -> str:
    """As accounting names it."""
    return f"{session['created']:x}-{session['session']:x}"


def cause(answer: Packet) -> int:
    (value,) = answer.all(number("Error-Cause"))
    return int.from_bytes(value, "big")


def policy(field: Field, user: str, name: str) -> str:
    (session,) = sessions(field, user)
    return str(session["policy"][name]["value"])


def refused(field: Field) -> int:
    return int((asked(field, "status") or {})["facts"]["sessiond"].get("orders refused", 0))


def counted(field: Field, labels: set[str]) -> int:
    """How often orders were refused for these reasons, by the records."""
    refusals = [each for each in records(field, "session.order-refused") if each["reason"] in labels]
    return sum(int(each["fields"]["count"]) for each in refusals)


def records(field: Field, event: str) -> list[Json]:
    return [each for each in map(json.loads, field.events().splitlines()) if each["event"] == event]


# --- over TLS --------------------------------------------------------------------------------------------------------

OverTls = tuple[Field, OrderingServer]


@pytest.fixture(scope="module")
def over_tls(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverTls]:
    certificates = pki.make()
    folder = tmp_path_factory.mktemp("orders")
    laid = certificates.lay(folder)
    made: list[OrderingServer] = []

    def ground(topology: Topology) -> None:
        says = (pair("Filter-Id", "staff"), pair("Filter-Id", "house"))
        made.append(
            OrderingServer(folder, certificates.server, certificates.authority, says, namespace=topology.gateway)
        )

    def edit(document: dict[str, Any]) -> None:
        radius = {
            "servers": [{"address": "127.0.0.1", "port": made[0].port, "name": pki.SERVER_NAME}],
            **laid,
            "response": 2,
            "accounting": {"interval": 60},
            "dynamic_authorization": {"rate": 10},
        }
        document["workers"] = 1
        document["backends"] = [{"name": "corp", "type": "radius", "timeout": 6, "radius": radius}]
        site = document["sites"][0]
        site["authentication"] = ["corp"]
        site["groups"] = [{"name": "staff"}, {"name": "house", "rate": {"up": 8_000_000, "down": 8_000_000}}]
        site["sessions_per_user"] = 10

    field = make_gateway(edit, ground)
    yield field, made[0]
    field.gateway.stop()
    made[0].close()


def test_a_server_can_order_before_anybody_has_logged_in(over_tls: OverTls) -> None:
    """The gateway has opened a connection for it."""
    _, server = over_tls
    answer = server.order(packet.DISCONNECT_REQUEST, pair("User-Name", "alice"))
    assert (answer.code, cause(answer)) == (packet.DISCONNECT_NAK, 503)


def test_a_server_ends_a_session_on_our_own_connection(over_tls: OverTls, clients: list[Client]) -> None:
    field, server = over_tls
    client, session = connect(field, clients)
    said = pair("Reply-Message", "Your leave has begun.")
    answer = server.order(
        packet.DISCONNECT_REQUEST, pair("Acct-Session-Id", named(session)), said, pair("Proxy-State", b"p")
    )
    assert (answer.code, answer.attributes) == (packet.DISCONNECT_ACK, (pair("Proxy-State", b"p"),))
    assert client.wait_end() != 0
    assert client.said("Your leave has begun.")
    assert sessions(field, "alice") == []
    (record,) = [each for each in records(field, "session.ordered") if each["session"] == session["session"]]
    assert (record["where"], record["fields"]["act"]) == (f"127.0.0.1:{server.port}", "disconnect")
    until(lambda: any(stopped(each, session) for each in server.told), "the Stop")


def stopped(told: Packet, session: Json) -> bool:
    kinds = told.all(number("Acct-Status-Type")) == ((2).to_bytes(4, "big"),)
    reset = told.all(number("Acct-Terminate-Cause")) == ((6).to_bytes(4, "big"),)
    return kinds and reset and told.all(number("Acct-Session-Id")) == (named(session).encode(),)


def test_a_server_is_told_why_not(over_tls: OverTls, clients: list[Client]) -> None:
    field, server = over_tls
    _, session = connect(field, clients)
    own = pair("Acct-Session-Id", named(session))
    labels = set(dynamic.ERROR_CAUSES)
    before = counted(field, labels)
    for attributes, wanted in (
        ((pair("Acct-Session-Id", "none-such"),), 503),
        ((own, pair("User-Name", "somebody")), 503),
        ((own, pair("NAS-Identifier", "another")), 403),
        ((own, pair("Framed-Route", "192.0.2.0/24")), 401),
        ((), 402),
    ):
        answer = server.order(packet.DISCONNECT_REQUEST, *attributes)
        assert (answer.code, cause(answer)) == (packet.DISCONNECT_NAK, wanted)
    for change, wanted in ((pair("Filter-Id", "nowhere"), 407), (pair("Session-Timeout", 0), 407)):
        answer = server.order(packet.COA_REQUEST, own, change)
        assert (answer.code, cause(answer)) == (packet.COA_NAK, wanted)
    until(lambda: counted(field, labels) == before + 7, "seven orders that were refused")
    assert len(sessions(field, "alice")) == 1


def test_a_server_changes_limits_while_traffic_flows(over_tls: OverTls, clients: list[Client]) -> None:
    """Rates and a shorter life at once and without a new tunnel; an idle time by a new tunnel, which the client opens
    by itself."""
    field, server = over_tls
    client, session = connect(field, clients)
    own = pair("Acct-Session-Id", named(session))
    answer = server.order(packet.COA_REQUEST, own, pair("Filter-Id", "house"), pair("Session-Timeout", 1000))
    assert answer.code == packet.COA_ACK
    assert (policy(field, "alice", "rate_up"), sessions(field, "alice")[0]["group"]) == ("8000000", "house")
    (now,) = sessions(field, "alice")
    assert now["connected"] == session["connected"]
    assert server.order(packet.COA_REQUEST, own, pair("Idle-Timeout", 700)).code == packet.COA_ACK
    # told by the client, since both tunnels may be of one second
    client.wait_for(ANSWERED)
    (again,) = sessions(field, "alice")
    assert (again["session"], again["ipv4"]) == (session["session"], session["ipv4"])
    assert policy(field, "alice", "idle_timeout") == "700"
    assert server.order(packet.COA_REQUEST, own, pair("Session-Timeout", 2)).code == packet.COA_ACK
    assert client.wait_end() != 0
    (record,) = [each for each in records(field, "session.ended") if each["session"] == session["session"]]
    assert record["reason"] == "session-timeout"


def test_a_server_that_orders_too_much_is_slowed_down(over_tls: OverTls) -> None:
    field, server = over_tls
    request = pair("Acct-Session-Id", "none-such")
    data = packet.encode(Packet(packet.DISCONNECT_REQUEST, 0, bytes(16), (request,)))
    server.send(data * 60)
    causes = [cause(each) for each in server.answers(60)]
    assert causes.count(506) >= 20
    assert set(causes) == {503, 506}
    assert field.recorded("radius_order_pace")


# --- over UDP --------------------------------------------------------------------------------------------------------

OverUdp = tuple[Field, int]


@pytest.fixture(scope="module")
def over_udp(make_gateway: Callable[..., Field], tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverUdp]:
    folder = tmp_path_factory.mktemp("orders")
    (folder / "secret").write_bytes(SECRET + b"\n")
    (folder / "secret").chmod(0o600)
    server = FreeRadius(roots.RADIUS12, folder)
    port = free_port(socket.SOCK_DGRAM)
    secret = {"address": "127.0.0.1", "secret": str(folder / "secret")}
    radius = {
        "transport": "udp",
        "servers": [{**secret, "port": server.port}],
        "crypto_profile": "compat",
        "response": 2,
        "accounting": {"servers": [{**secret, "port": server.accounting}]},
        "dynamic_authorization": {"listen": "127.0.0.1", "port": port, "window": 30},
    }
    made = gateway(make_gateway, server, radius, "compat")
    yield made, port
    made.gateway.stop()
    server.stop()


def radclient(field: Field, port: int, command: str, *attributes: str) -> str:
    """FreeRADIUS's own client, in the gateway's namespace; returns what it printed."""
    lines = [*attributes, f"Event-Timestamp = {int(time.time())}", "Message-Authenticator = 0x00"]
    words = [*roots.enter(roots.make(roots.RADIUS11)), "/usr/local/bin/radclient"]
    words += ["-x", "-r", "2", "-t", "4", f"127.0.0.1:{port}", command, SECRET.decode()]
    result = subprocess.run(
        field.topology.gateway.inside(words), input="\n".join(lines), check=False, capture_output=True, text=True
    )
    return result.stdout + result.stderr


def test_radclient_ends_and_changes_sessions(over_udp: OverUdp, clients: list[Client]) -> None:
    field, port = over_udp
    client, session = connect(field, clients)
    said = radclient(field, port, "coa", f'Acct-Session-Id = "{named(session)}"', "WISPr-Bandwidth-Max-Up = 9000000")
    assert "Received CoA-ACK" in said, said
    assert policy(field, "alice", "rate_up") == "9000000"
    said = radclient(field, port, "coa", f'Acct-Session-Id = "{named(session)}"', 'Framed-Route = "192.0.2.0/24"')
    assert "Received CoA-NAK" in said, said
    assert "Unsupported-Attribute" in said
    said = radclient(field, port, "disconnect", 'User-Name = "alice"', f"Framed-IP-Address = {session['ipv4']}")
    assert "Received Disconnect-ACK" in said, said
    assert client.wait_end() != 0
    said = radclient(field, port, "disconnect", 'User-Name = "alice"')
    assert "Received Disconnect-NAK" in said, said
    assert "Session-Context-Not-Found" in said


def sent(field: Field, port: int, data: bytes, source: str = "127.0.0.1") -> list[Packet]:
    """What comes back for a datagram of a server's or a stranger's address, within a moment."""
    with raw.inside(field.topology.gateway):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind((source, 0))
        sock.settimeout(1.0)
        sock.sendto(data, ("127.0.0.1", port))
        try:
            return [decode(sock.recv(4096))]
        except TimeoutError:
            return []


def request(session: Json, *, secret: bytes = SECRET, age: int = 0, dated: bool = True) -> bytes:
    stamp = (pair("Event-Timestamp", int(time.time()) - age),) if dated else ()
    attributes = (pair("Acct-Session-Id", named(session)), *stamp)
    return Historic(Secret(secret)).request(packet.DISCONNECT_REQUEST, 1, attributes, bytes(16)).data


def unauthenticated(session: Json) -> bytes:
    """True, as RFC 5176 has it, but without a Message-Authenticator."""
    from wolfguard.crypto.not_approved import md5

    attributes = (pair("Acct-Session-Id", named(session)), pair("Event-Timestamp", int(time.time())))
    data = packet.encode(Packet(packet.DISCONNECT_REQUEST, 1, bytes(16), attributes))
    return data[:4] + md5(data + SECRET) + data[20:]


BAD: dict[str, tuple[Callable[[Json], bytes], str]] = {
    "forged": (lambda session: request(session, secret=b"a guess"), "radius_forged"),
    "cut": (lambda session: request(session)[:-1], "radius_length"),
    "padded": (lambda session: request(session) + b"\0", "radius_length"),
    "unauthenticated": (unauthenticated, "radius_unauthenticated"),
    "old": (lambda session: request(session, age=60), "radius_order_old"),
    "future": (lambda session: request(session, age=-60), "radius_order_old"),
    "undated": (lambda session: request(session, dated=False), "radius_order_undated"),
    "noise": (lambda session: b"\xff" * 2000, "radius_length"),
    "empty": (lambda session: b"", "radius_length"),
}


def test_what_is_not_a_servers_order_is_not_heard(over_udp: OverUdp, clients: list[Client]) -> None:
    field, port = over_udp
    _, session = connect(field, clients)
    labels = {"radius_order_stranger", *(label for _, label in BAD.values())}
    before = counted(field, labels)
    for make, label in BAD.values():
        assert sent(field, port, make(session)) == []
        assert field.recorded(f'"{label}"')
    assert sent(field, port, request(session), source=STRANGER) == []
    assert field.recorded('"radius_order_stranger"')
    until(lambda: counted(field, labels) == before + len(BAD) + 1, "all of them counted")
    assert refused(field) >= len(BAD) + 1
    assert len(sessions(field, "alice")) == 1
    for hidden in (SECRET.decode(), "wonder"):
        assert hidden not in field.gateway.log.read_text(errors="replace") + field.events()


def test_a_recorded_order_is_carried_out_once(over_udp: OverUdp, clients: list[Client]) -> None:
    """Sent again it gets the same answer, byte for byte, and touches nothing."""
    field, port = over_udp
    _, session = connect(field, clients)
    attributes = (
        pair("User-Name", "alice"),
        pair("Event-Timestamp", int(time.time())),
    )
    data = Historic(Secret(SECRET)).request(packet.DISCONNECT_REQUEST, 77, attributes, bytes(16)).data
    (first,) = sent(field, port, data)
    assert first.code == packet.DISCONNECT_ACK
    until(lambda: sessions(field, "alice") == [], "the end")
    connect(field, clients)
    assert sent(field, port, data) == [first]
    (again,) = sessions(field, "alice")
    assert again["session"] != session["session"]
    assert len([each for each in records(field, "session.ordered") if each["session"] == again["session"]]) == 0


@pytest.mark.parametrize(
    ("process", "target"), [(process, target) for process, some in parsers.WITH_ORDERS.items() for target in some]
)
def test_an_exception_is_survived(over_udp: OverUdp, process: str, target: str) -> None:
    """It costs that order, and is written down without its words."""
    field, port = over_udp
    (pid,) = [each["pid"] for each in status(field)["processes"] if each["process"] == process]
    injection.force(pid, [target])
    radclient(field, port, "disconnect", 'User-Name = "nobody"')
    log = field.gateway.log
    until(lambda: f"RuntimeError at {injection.mark(target)}" in log.read_text(errors="replace"), "the exception")
    said = radclient(field, port, "disconnect", 'User-Name = "nobody"')
    assert "Session-Context-Not-Found" in said, said
    assert [each["pid"] for each in status(field)["processes"] if each["process"] == process] == [pid]
    assert injection.SECRET not in log.read_text(errors="replace")
