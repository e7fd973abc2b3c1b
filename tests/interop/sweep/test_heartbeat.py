# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeats (RFC 6520) are not taken over TLS: a hello that offers them is answered as if it did not, and a heartbeat
that comes all the same ends the connection unanswered. Over DTLS `test_datagrams` asks the same."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.interop.conftest import Field
from tests.interop.hostile.hellos import extension, extensions_of
from tests.interop.raw import dial
from wolfguard.policy.load import load_profile

ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 21, 22, 23, 24
P256, TLS12, TLS13 = b"\x00\x17", b"\x03\x03", b"\x03\x04"
SUITES = {"1.2": b"\xc0\x2c\xc0\x30\xc0\x2b\xc0\x2f", "1.3": b"\x13\x02\x13\x01"}
SIGNATURES = b"\x04\x03\x05\x03\x06\x03\x08\x04\x08\x05\x08\x06"
OFFER = extension(15, b"\x01")  # the peer may send heartbeats
EXTENDED_MASTER_SECRET = 23
# a request, and one that promises 16384 bytes and brings none
REQUESTS = (b"\x01\x00\x10" + bytes(32), b"\x01\x40\x00")
# less than the gateway has with a handshake that does not go on
PATIENCE = 5
Records = list[tuple[int, bytes]]


def listed(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size, "big") + content


def record(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + TLS12 + listed(content)


def hello(version: str, more: bytes) -> bytes:
    """A ClientHello in a record, good enough for a whole flight of the server."""
    extensions = extension(10, listed(P256)) + extension(11, b"\x01\x00") + extension(13, listed(SIGNATURES))
    extensions += extension(EXTENDED_MASTER_SECRET)
    if version == "1.3":
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        share = P256 + listed(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        extensions += extension(43, listed(TLS13, 1)) + extension(51, listed(share))
    body = TLS12 + os.urandom(32) + b"\x00" + listed(SUITES[version]) + b"\x01\x00" + listed(extensions + more)
    return record(HANDSHAKE, b"\x01" + listed(body, 3))


def answered(field: Field, *said: bytes, leave: bool) -> Records:
    """What comes until the gateway closes: after all was said and this side has left, or else of its own accord, which
    it must do before it loses its patience. Raises TimeoutError."""
    received = b""
    with dial(field.topology.client) as to:
        to.settimeout(PATIENCE)
        with suppress(ConnectionError):  # it may have closed already, and throws away what comes then
            for words in said:
                to.sendall(words)
            if leave:
                to.shutdown(socket.SHUT_WR)
            while more := to.recv(65536):
                received += more
    found: Records = []
    while received:
        length = int.from_bytes(received[3:5], "big")
        found.append((received[0], received[5 : 5 + length]))
        received = received[5 + length :]
    return found


def server_hello(found: Records) -> bytes:
    kind, content = found[0]
    assert (kind, content[0]) == (HANDSHAKE, 2), found
    return content[4 : 4 + int.from_bytes(content[1:4], "big")]


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_an_offer_changes_nothing(swept: tuple[str, Field], version: str) -> None:
    profile, field = load_profile(swept[0]), swept[1]
    without, offering = (answered(field, hello(version, more), leave=True) for more in (b"", OFFER))
    if version not in profile.versions or profile.require_hybrid:
        assert without == offering
        assert [kind for kind, _ in offering] == [ALERT]
        return
    kinds = extensions_of(server_hello(offering))
    assert kinds == extensions_of(server_hello(without))
    assert 15 not in kinds
    if version == "1.3":
        # the rest is sealed: the first message of it has all further extensions, and is as long as without the offer
        sealed = [[len(content) for kind, content in each if kind == APPLICATION_DATA] for each in (without, offering)]
        assert sealed[0][0] == sealed[1][0]


@pytest.mark.parametrize("request_", REQUESTS, ids=["whole", "longer than it is"])
def test_a_heartbeat_is_not_answered(swept: tuple[str, Field], request_: bytes) -> None:
    """Before the hello, and after it where the server waits for the client's next words: it closes either way."""
    profile, field = load_profile(swept[0]), swept[1]
    for version in profile.versions:
        said = hello(version, OFFER), record(HEARTBEAT, request_)
        for words in (said, said[::-1]):
            assert HEARTBEAT not in [kind for kind, _ in answered(field, *words, leave=False)]
