# SPDX-License-Identifier: GPL-3.0-or-later
"""The first datagrams of a DTLS 1.2 server, byte by byte; a real gateway's are in tests/system."""

from __future__ import annotations

import pytest

from wolfguard.audit.tls.answer import ACCEPTED, REFUSED, Answer, NotTlsError, datagram
from wolfguard.audit.tls.hello import datagram_hello
from wolfguard.audit.tls.offers import DATAGRAMS

HEAD = b"\xfe\xfd" + bytes(8)


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + HEAD + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes, start: int = 0) -> bytes:
    length = len(body).to_bytes(3, "big")
    return record(22, bytes([kind]) + length + bytes(2) + start.to_bytes(3, "big") + length + body)


def test_a_cookie_then_a_hello() -> None:
    assert datagram(message(3, b"\xfe\xfd\x04abcd")) == b"abcd"
    hello = b"\xfe\xfd" + bytes(32) + b"\x00" + b"\x00\xa9" + b"\x00" + b"\x00\x04" + b"\x00\x17\x00\x00"
    found = datagram(message(2, hello))
    assert isinstance(found, Answer)
    assert (found.kind, found.version, found.suite) == (ACCEPTED, "dtls 1.2", "TLS_PSK_WITH_AES_256_GCM_SHA384")
    assert found.extended_master_secret
    alert = datagram(record(21, b"\x02\x28"))
    assert isinstance(alert, Answer)
    assert (alert.kind, alert.alert) == (REFUSED, "handshake_failure")
    assert datagram(record(23, b"data")) is None


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"HTTP/1.1 400", record(22, b""), message(3, b"\xfe\xfd\x09abc"), message(2, b"", 5)]
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(NotTlsError):
        datagram(data)


def test_the_second_hello_brings_the_cookie_back() -> None:
    first = datagram_hello(DATAGRAMS["good"], bytes(32), "", bytes(range(32)))
    second = datagram_hello(DATAGRAMS["good"], bytes(32), "", bytes(range(32)), b"cookie")
    assert bytes(range(32)) in first
    assert b"\x06cookie" in second
    assert (first[10], second[10]) == (0, 1)  # the record's number
    assert (first[18], second[18]) == (0, 1)  # the message's
    assert b"\x00\x17\x00\x00" not in datagram_hello(DATAGRAMS["without-ems"], bytes(32))
