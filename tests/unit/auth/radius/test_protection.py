# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as a second implementation sees them, and what a forger can do to a reply: nothing."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pyrad import packet as oracle  # type: ignore[import-untyped]
from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from wolfguard.auth.radius import packet
from wolfguard.auth.radius.dictionary import pair
from wolfguard.auth.radius.packet import Packet, decode, encode
from wolfguard.auth.radius.protection import MESSAGE_AUTHENTICATOR, Historic, Token
from wolfguard.errors import LocalError, PeerError
from wolfguard.secret import Secret

SECRET = b"shared between two"
NONCE = bytes(range(16))
WORDS = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Message-Authenticator 80 octets
"""


def words() -> Dictionary:
    return Dictionary(io.StringIO(WORDS))


def historic() -> Historic:
    return Historic(Secret(SECRET))


@pytest.mark.parametrize("password", ["", "a", "sixteen letters!", "seventeen letters", "ünïcode" * 9])
def test_pyrad_reads_our_access_request(password: str) -> None:
    attributes = (pair("User-Name", "ann"), pair("User-Password", password))
    sealed = historic().request(packet.ACCESS_REQUEST, 7, attributes, NONCE)
    seen = oracle.AuthPacket(packet=sealed.data, secret=SECRET, dict=words())
    assert seen.id == 7
    assert seen["User-Name"] == ["ann"]
    assert seen.PwDecrypt(seen["User-Password"][0]) == password
    assert seen.verify_message_authenticator()
    assert sealed.data[20] == MESSAGE_AUTHENTICATOR


def test_pyrad_reads_our_accounting_request() -> None:
    sealed = historic().request(packet.ACCOUNTING_REQUEST, 9, (pair("Acct-Status-Type", 1),), NONCE)
    seen = oracle.AcctPacket(packet=sealed.data, secret=SECRET, dict=words())
    assert seen.VerifyAcctRequest()
    assert seen.verify_message_authenticator()


def true_reply(code: int = packet.ACCESS_ACCEPT) -> bytes:
    """Made by the server's half of our own code; `test_pyrad_reads_our_answer` shows that it is the common form."""
    asked = Packet(packet.ACCESS_REQUEST, 7, NONCE, ())
    return historic().answer(code, asked, (pair("Reply-Message", "welcome"),))


def test_pyrad_reads_our_answer() -> None:
    data = true_reply()
    sent = oracle.AuthPacket(id=7, secret=SECRET, authenticator=NONCE, dict=words())
    seen = sent.CreateReply(packet=data)
    assert sent.VerifyReply(seen, data)
    assert seen.verify_message_authenticator(original_authenticator=NONCE)


def test_a_true_reply_is_taken() -> None:
    sealed = historic().request(packet.ACCESS_REQUEST, 7, (), NONCE)
    data = true_reply()
    got = historic().check(decode(data), data, sealed)
    assert got.attributes == (pair("Reply-Message", "welcome"),)


def without_authenticator(data: bytes) -> bytes:
    body = data[38:]
    return data[:2] + (20 + len(body)).to_bytes(2, "big") + data[4:20] + body


def other_code(data: bytes) -> bytes:
    return bytes((packet.ACCESS_REJECT,)) + data[1:]


def other_attribute(data: bytes) -> bytes:
    return data[:-1] + b"!"


def other_response(data: bytes) -> bytes:
    return data[:4] + bytes(16) + data[20:]


def two_authenticators(data: bytes) -> bytes:
    doubled = data + data[20:38]
    return doubled[:2] + len(doubled).to_bytes(2, "big") + doubled[4:]


def short_authenticator(data: bytes) -> bytes:
    cut = data[:20] + bytes((80, 17)) + data[22:37] + data[38:]
    return cut[:2] + len(cut).to_bytes(2, "big") + cut[4:]


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (without_authenticator, "radius_unauthenticated"),
        (other_code, "radius_forged"),
        (other_attribute, "radius_forged"),
        (other_response, "radius_forged"),
        (two_authenticators, "radius_forged"),
        (short_authenticator, "radius_forged"),
    ],
)
def test_a_changed_reply_is_refused(change: Callable[[bytes], bytes], label: str) -> None:
    sealed = historic().request(packet.ACCESS_REQUEST, 7, (), NONCE)
    data = change(true_reply())
    with pytest.raises(PeerError) as raised:
        historic().check(decode(data), data, sealed)
    assert raised.value.label == label


def test_the_reply_to_another_request_is_refused() -> None:
    sealed = historic().request(packet.ACCESS_REQUEST, 7, (), NONCE[::-1])
    data = true_reply()
    with pytest.raises(PeerError, match="radius_forged"):
        historic().check(decode(data), data, sealed)


def test_a_request_of_the_server_is_proved_and_answered() -> None:
    sealed = historic().request(packet.DISCONNECT_REQUEST, 3, (pair("User-Name", "ann"),), NONCE)
    asked = historic().accept(sealed.data)
    assert asked.attributes == (pair("User-Name", "ann"),)
    data = historic().answer(packet.DISCONNECT_ACK, asked, ())
    assert historic().check(decode(data), data, sealed).code == packet.DISCONNECT_ACK
    with pytest.raises(PeerError, match="radius_forged"):
        Historic(Secret(b"another secret")).accept(sealed.data)
    with pytest.raises(PeerError, match="radius_forged"):
        historic().accept(other_attribute(sealed.data))


def test_no_md5_travels_in_radius_1_1() -> None:
    attributes = (pair("User-Name", "ann"), pair("User-Password", "plain under TLS"))
    sealed = Token().request(packet.ACCESS_REQUEST, 0x01020304, attributes, NONCE)
    got = decode(sealed.data)
    assert (got.number, got.authenticator) == (0, b"\x01\x02\x03\x04" + bytes(12))
    assert got.attributes == attributes
    data = encode(Packet(packet.ACCESS_ACCEPT, 0, got.authenticator, ((80, bytes(16)), pair("Reply-Message", "hi"))))
    assert Token().number_of(decode(data)) == 0x01020304
    assert Token().check(decode(data), data, sealed).attributes == (pair("Reply-Message", "hi"),)


def test_what_does_not_fit_is_refused_here() -> None:
    with pytest.raises(LocalError, match="128 bytes"):
        historic().request(packet.ACCESS_REQUEST, 1, (pair("User-Password", b"x" * 129),), NONCE)
    with pytest.raises(LocalError, match="too long"):
        Token().request(packet.ACCESS_REQUEST, 1, ((24, bytes(253)),) * 17, NONCE)
    with pytest.raises(LocalError, match="secret"):
        Historic(Secret(b""))


def test_a_secret_in_an_attribute_is_in_no_repr() -> None:
    shown = repr(Packet(1, 2, NONCE, (pair("User-Password", "hunter2"),)))
    assert "hunter2" not in shown
