# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP answers: the same however the stream is cut, and what is none is named."""

from __future__ import annotations

import pytest

from wolfguard.audit.web.answer import BODY_MAXIMUM, HEAD_MAXIMUM, Answer, AnswerReader, NotHttpError

COUNTED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\nno"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def read(data: bytes, size: int) -> Answer | None:
    reader = AnswerReader()
    for at in range(0, len(data), size):
        if (found := reader.feed(data[at : at + size])) is not None:
            return found
    return None


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_bodies(size: int) -> None:
    counted = read(COUNTED, size)
    assert counted is not None
    assert (counted.status, counted.body) == (401, b"no")
    assert counted.values("set-cookie") == ("a=1", "b=2")
    chunked = read(b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED, size)
    assert chunked is not None
    assert (chunked.status, chunked.body) == (200, b"abcde")


def test_the_end_of_the_connection_can_be_the_end_of_the_body() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.0 200 OK\r\n\r\nall of it") is None
    ended = reader.end()
    assert ended is not None
    assert ended.body == b"all of it"
    cut = AnswerReader()
    assert cut.feed(COUNTED[:-1]) is None
    assert cut.end() is None
    assert AnswerReader().end() is None


def test_the_head_of_a_tunnel_has_no_body() -> None:
    found = AnswerReader(head_alone=True).feed(b"HTTP/1.1 200 CONNECTED\r\nX-CSTP-MTU: 1300\r\n\r\nSTF\x01")
    assert found is not None
    assert found.header("x-cstp-mtu") == "1300"


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "something else than HTTP"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "a header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n", "chunk"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * HEAD_MAXIMUM + b"\r\n\r\n", "head without an end"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (BODY_MAXIMUM + 1), "body without an end"),
    ],
)
def test_what_is_no_answer(data: bytes, where: str) -> None:
    with pytest.raises(NotHttpError, match=where):
        AnswerReader().feed(data)
