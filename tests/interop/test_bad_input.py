# SPDX-License-Identifier: GPL-3.0-or-later
"""What no honest client sends: each gets its status or silence, leaves a counter or an event, and harms nobody else."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw, dial, frame
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology


@pytest.fixture
def raw(field: Field) -> Iterator[Raw]:
    connection = Raw.open(field.topology.client, str(field.site.authority))
    yield connection
    connection.close()


def counters(field: Field) -> dict[str, int]:
    status = json.loads(field.site.wolfguard("status", "--json").stdout)
    return {str(name): int(value) for name, value in status["counters"].items()}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 17000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET /1/index.html HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    ],
    ids=[
        "long-header", "long-body", "two-framings", "unknown-coding", "wrong-method", "unknown-path", "no-http",
        "pipelined", "connect-elsewhere", "no-cookie",
    ],
)  # fmt: skip
def test_http(raw: Raw, request_bytes: bytes, status: int) -> None:
    raw.send(request_bytes)
    assert raw.answer()[0] == status


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><config-auth type="init">&b;</config-auth>',
        '<config-auth type="init">',
        "<a>" * 2000,
        "not xml at all",
    ],
    ids=["entity", "unfinished", "deep", "text"],
)
def test_markup(raw: Raw, document: str) -> None:
    assert raw.post("/", document)[0] == 400


def test_cookie_of_nobody(raw: Raw) -> None:
    assert raw.connect("A" * 43)[0] == 401


@pytest.mark.parametrize("base_mtu", ["0", "1", "99999999999999999999", "-5", "abc"])
def test_absurd_mtu(field: Field, raw: Raw, base_mtu: str) -> None:
    cookie = raw.log_in("alice", PASSWORD, "staff")
    status, head, _ = raw.connect(cookie, f"X-CSTP-Base-MTU: {base_mtu}")
    if status == 200:
        mtu = re.search(r"(?m)^X-CSTP-MTU: (\d+)", head)
        assert mtu is not None
        assert 576 <= int(mtu.group(1)) <= 1500
    else:
        assert status == 400


@pytest.mark.parametrize(
    ("sent", "counter"),
    [
        (frame(0, b"", magic=b"NOT\x01"), "drop_frame_magic"),
        (frame(0, b"abcd", length=400), "drop_frame_length"),
        (frame(0, b"") + frame(7), "drop_frame_length"),
        (b"STF", "drop_frame_short"),
        (frame(99), "drop_frame_type"),
        (frame(0, bytes(40)), "drop_inner_malformed"),
    ],
    ids=["magic", "length", "coalesced", "short", "type", "not-ip"],
)
def test_frames(field: Field, raw: Raw, sent: bytes, counter: str) -> None:
    before = counters(field).get(counter, 0)
    cookie = raw.log_in("alice", PASSWORD, "staff")
    assert raw.connect(cookie)[0] == 200
    raw.send(sent)
    raw.send(frame(3, b"probe"))
    with suppress(ConnectionError):
        raw.more()
    assert counters(field)[counter] == before + 1


def inner_ipv4(source: str, destination: str) -> bytes:
    """An empty UDP datagram with right checksums."""
    head = bytearray.fromhex("450000 1c 0000 4000 40 11 0000".replace(" ", ""))
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    total = sum(int.from_bytes(head[at : at + 2], "big") for at in range(0, 20, 2))
    head[10:12] = (0xFFFF - ((total & 0xFFFF) + (total >> 16)) % 0xFFFF).to_bytes(2, "big")
    return bytes(head) + bytes.fromhex("1000 2000 0008 0000")


def test_spoofed_inner_source(field: Field, raw: Raw) -> None:
    before = counters(field).get("drop_inner_source", 0)
    assert raw.connect(raw.log_in("alice", PASSWORD, "staff"))[0] == 200
    raw.send(frame(0, inner_ipv4("10.99.200.200", Topology.UPSTREAM_V4)))
    raw.send(frame(3, b"probe"))
    answer = raw.more()
    assert answer[6] == 4
    assert answer[8:13] == b"probe"
    assert counters(field)["drop_inner_source"] == before + 1


def test_logout_kills_the_cookie(field: Field, raw: Raw) -> None:
    cookie = raw.log_in("alice", PASSWORD, "staff")
    raw.send(f"GET /logout HTTP/1.1\r\nHost: x\r\nCookie: webvpn={cookie}\r\n\r\n".encode())
    assert raw.answer()[0] == 200
    assert raw.connect(cookie)[0] == 401


def test_others_go_on_meanwhile(field: Field, clients: list[Client]) -> None:
    """A client of the same gateway does not notice what strangers do."""
    client = Client(
        field.topology.client, f"https://{Topology.GATEWAY_V4}", field.site.authority, "alice", (PASSWORD,),
        options=("--authgroup=staff",),
    )  # fmt: skip
    clients.append(client)
    client.connect()
    for _ in range(50):
        stranger = dial(field.topology.client)
        stranger.sendall(b"\x16\x03\x01\xff\xff" + b"\x00" * 100)
        stranger.close()
    silent = [dial(field.topology.client) for _ in range(100)]
    ping(field.topology.client, Topology.UPSTREAM_V4)
    for each in silent:
        each.close()


def test_refusals_name_the_peer(field: Field, raw: Raw) -> None:
    raw.post("/", "<!DOCTYPE x><x/>")
    assert field.recorded("markup_forbidden")
    assert Topology.CLIENT_V4 in field.events()
