# SPDX-License-Identifier: GPL-3.0-or-later
"""First words of strangers, and datagrams that are none of DTLS: each is counted by its name and gets no answer,
from an address that nobody has as from a live client's own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.interop.hostile import hellos
from tests.interop.hostile.conftest import Counted
from tests.interop.hostile.hellos import CLIENT_HELLO, HANDSHAKE, hello_body, message, record
from tests.interop.hostile.raw_datagrams import Member, tunnel
from tests.interop.hostile.test_records import drain
from tests.interop.raw import inside
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

NOBODY = bytes([1]) + os.urandom(31)
GOOD = hello_body(NOBODY)
SESSION_ID, COOKIE, SUITES, EXTENSIONS = 34, 67, 68, 74
SEALED = record(hellos.DATA, os.urandom(60), epoch=1, number=5)


def say(body: bytes, **lies: int) -> bytes:
    return record(HANDSHAKE, message(CLIENT_HELLO, body, **lies))


def bent(place: int, value: bytes) -> bytes:
    return say(GOOD[:place] + value + GOOD[place + len(value) :])


HELLOS = {
    "unknown": (say(GOOD), "datagram_hello_unknown"),
    "no-session": (say(hello_body(b"")), "datagram_hello_unknown"),
    "no-such-slot": (say(hello_body(b"\xff" * 32)), "datagram_hello_unknown"),
    "with-cookie": (say(hello_body(NOBODY, cookie=os.urandom(32))), "datagram_hello_unknown"),
    "first-part": (say(GOOD[:30], whole=len(GOOD)), "datagram_hello_fragmented"),
    "last-part": (say(GOOD[30:], whole=len(GOOD), offset=30), "datagram_hello_fragmented"),
    "of-16-mib": (say(GOOD, whole=0xFFFFFF), "datagram_hello_fragmented"),
    "beyond-its-end": (say(GOOD, offset=1), "datagram_hello_malformed"),
    "far-offset": (say(GOOD, offset=0xFFFFFF), "datagram_hello_malformed"),
    "part-too-long": (say(GOOD, here=len(GOOD) + 1), "datagram_hello_malformed"),
    "part-of-16-mib": (say(GOOD, whole=0xFFFFFF, here=0xFFFFFF), "datagram_hello_malformed"),
    "empty": (say(b""), "datagram_hello_malformed"),
    "one-byte": (record(HANDSHAKE, bytes([CLIENT_HELLO])), "datagram_hello_malformed"),
    "two-records": (say(GOOD) * 2, "datagram_hello_malformed"),
    "two-messages": (record(HANDSHAKE, message(CLIENT_HELLO, GOOD) * 2), "datagram_hello_malformed"),
    "long-session": (bent(SESSION_ID, b"\xff"), "datagram_hello_malformed"),
    "long-cookie": (bent(COOKIE, b"\xff"), "datagram_hello_malformed"),
    "odd-suites": (bent(SUITES, b"\x00\x03"), "datagram_hello_malformed"),
    "long-suites": (bent(SUITES, b"\xff\xfe"), "datagram_hello_malformed"),
    "long-extensions": (bent(EXTENSIONS - 2, b"\xff\xff\xff\xff"), "datagram_hello_malformed"),
    "long-extension": (say(hello_body(NOBODY, extensions=b"\x00\x17\xff\xff")), "datagram_hello_malformed"),
    "extension-twice": (say(hello_body(NOBODY, extensions=b"\x00\x17\x00\x00" * 2)), "datagram_hello_malformed"),
    "cut": (say(GOOD[:50]), "datagram_hello_malformed"),
    "huge": (say(hello_body(NOBODY, extensions=b"\xfa\xfa\xea\x60" + bytes(60000))), "datagram_hello_unknown"),
    "of-tls": (bent(0, b"\x03\x03"), "datagram_hello_version"),
    "no-chance": (bent(2, bytes(32)), "datagram_hello_weak_random"),
}
JUNK = {
    "byte": b"\x17",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "head": SEALED[:13],
    "cut": SEALED[:40],
    "promises": record(hellos.DATA, bytes(60), epoch=1, length=0xFFFF),
    "nothing": record(hellos.DATA, b"", epoch=1),
    "clear-data": record(hellos.DATA, b"\x03who"),
    "of-tls": b"\x17\x03\x03" + SEALED[3:],
    "unknown-kind": bytes([99]) + SEALED[1:],
    "connection-id": bytes([hellos.CID]) + SEALED[1:11] + bytes([1]) * 8 + SEALED[11:],
    "dtls-1.3": b"\x2f" + bytes([1]) * 60,
    "dtls-1.3-connection-id": b"\x3f" + bytes([1]) * 60,
    "largest": bytes(65507),
}
SENT = {
    **HELLOS,
    **{f"junk-{name}": (datagram, "drop_datagram_junk") for name, datagram in JUNK.items()},
    "alert": (record(hellos.ALERT, b"\x02\x28"), "drop_datagram_plain"),
    "other-message": (record(HANDSHAKE, message(hellos.CLIENT_KEY_EXCHANGE, b"\x00\x03psk")), "drop_datagram_unknown"),
    "ccs": (record(hellos.CHANGE_CIPHER_SPEC, b"\x01"), "drop_datagram_unknown"),
    "sealed": (SEALED, "drop_datagram_unknown"),
}


@pytest.fixture
def stranger(patient: Field) -> Iterator[socket.socket]:
    with inside(patient.topology.client), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect((Topology.GATEWAY_V4, 443))
        yield made


def test_from_nobody(patient: Field, stranger: socket.socket) -> None:
    counted = Counted(patient)
    wanted: dict[str, int] = {}
    for datagram, counter in SENT.values():
        stranger.send(datagram)
        wanted[counter] = wanted.get(counter, 0) + 1
    counted.await_only(**wanted)
    assert drain(stranger) == 0


def test_from_a_client(patient: Field, member: Member) -> None:
    """Nothing of it comes near the association."""
    member.datagrams.echo()
    counted = Counted(patient)
    wanted: dict[str, int] = {}
    for name in [*HELLOS, *(each for each in SENT if each.startswith("junk-")), "alert"]:
        datagram, counter = SENT[name]
        member.datagrams.socket.send(datagram)
        member.datagrams.echo()
        wanted[counter] = wanted.get(counter, 0) + 1
    counted.await_only(**wanted)


@pytest.mark.parametrize(
    ("body", "alert", "counter"),
    [
        ({"suites": (0x1301, 0xC02F)}, 40, "datagram_no_suite"),
        ({"extensions": b"\x00\x2b\x00\x03\x02\xfe\xff"}, 70, "datagram_version"),
    ],
    ids=["no-suite", "no-version"],
)
def test_refused_in_a_clients_name(
    patient: Field, member: Member, stranger: socket.socket, body: dict[str, bytes], alert: int, counter: str
) -> None:
    """Who has seen an App-ID on the wire gets an alert of 15 bytes; its owner's association stands."""
    member.datagrams.echo()
    counted = Counted(patient)
    stranger.send(say(hello_body(member.datagrams.app_id, **body)))
    stranger.settimeout(5)
    assert stranger.recv(100)[hellos.RECORD_HEAD :] == bytes([2, alert])
    counted.await_only(**{counter: 1})
    member.ping()
    assert patient.session(member.inside)["datagram"] is not None


def test_hello_right_after_the_answer(patient: Field, tmp_path: Path) -> None:
    """A client may begin as soon as it has read its App-ID: it is known by then."""
    counted = Counted(patient)
    for _ in range(12):
        member = Member.join(patient, tmp_path)
        member.close()
    counted.await_only(datagram_cookie_asked=12, datagram_handshake_ok=12)


def test_cookie_of_another(patient: Field, tmp_path: Path, stranger: socket.socket) -> None:
    """A cookie is good for the port that it was sent to alone."""
    tls, head, _ = tunnel(patient, tmp_path)
    try:
        app_id = bytes.fromhex(head.lower().partition("x-dtls-app-id: ")[2][:64])
        random = os.urandom(32)
        with inside(patient.topology.client), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.connect((Topology.GATEWAY_V4, 443))
            other.settimeout(1)
            asked = b""
            for _ in range(5):
                other.send(say(hello_body(app_id, random=random)))
                try:
                    asked = other.recv(100)
                    break
                except TimeoutError:
                    continue
        cookie = asked[hellos.RECORD_HEAD + hellos.MESSAGE_HEAD + 3 :]
        assert cookie
        counted = Counted(patient)
        stranger.send(record(HANDSHAKE, message(CLIENT_HELLO, hello_body(app_id, random=random, cookie=cookie))))
        stranger.settimeout(5)
        assert stranger.recv(100)[hellos.RECORD_HEAD] == hellos.HELLO_VERIFY_REQUEST
        counted.await_only(datagram_cookie_asked=1)
    finally:
        tls.close()
