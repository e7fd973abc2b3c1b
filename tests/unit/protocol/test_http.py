# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP framing, limits and the spelling of responses."""

from __future__ import annotations

import pytest

from tests.unit.protocol.playbook import request
from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.http import SECURITY_HEADERS, HttpServer, Limits, Request, Response


def receive(data: bytes, limits: Limits | None = None) -> Request:
    got = HttpServer(limits or Limits()).receive(data)
    assert got is not None
    return got


def head_of(size: int) -> bytes:
    """A request without body of exactly that many bytes."""
    start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"


def test_headers_at_the_limit() -> None:
    receive(head_of(16384))
    with pytest.raises(PeerError, match="http_headers_too_large"):
        receive(head_of(16385))


@pytest.mark.parametrize("cut", [1, 100, 16383, 16384])
def test_header_limit_does_not_depend_on_the_cut(cut: int) -> None:
    data = head_of(16385)
    server = HttpServer(Limits())
    with pytest.raises(PeerError, match="http_headers_too_large"):
        assert (server.receive(data[:cut]), server.receive(data[cut:])) is None


def test_body_at_the_limit() -> None:
    limits = Limits(body_bytes=10)
    assert receive(request("POST", "/", b"0123456789"), limits).body == b"0123456789"
    with pytest.raises(PeerError, match="http_body_too_large"):
        receive(request("POST", "/", b"0123456789a"), limits)


def test_chunked_body() -> None:
    data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n"
    assert receive(data).body == b"abcde"


def test_chunked_body_at_the_limit() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(PeerError, match="http_body_too_large"):
        receive(head + b"b\r\n0123456789a\r\n0\r\n\r\n", Limits(body_bytes=10))


def test_chunk_extensions_are_no_endless_stream() -> None:
    limits = Limits(header_bytes=200, body_bytes=100)
    server = HttpServer(limits)
    server.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"1;" + b"e" * 100 + b"\r\na\r\n"
    for _ in range(8 * limits.body_bytes // len(chunk)):
        server.receive(chunk)
    with pytest.raises(PeerError, match="http_body_too_large"):
        server.receive(chunk)


def test_chunk_header_without_end() -> None:
    server = HttpServer(Limits(header_bytes=200))
    server.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(PeerError, match="http_headers_too_large"):
        server.receive(b"1;" + b"e" * 400)


def test_transfer_encoding_in_http_1_0_is_ambiguous() -> None:
    with pytest.raises(PeerError, match="http_framing"):
        receive(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b=c", "/a"),
        ("/a#b", "/a"),
        ("https://h/a/b?c", "/a/b"),
        ("http://h", "/"),
        ("ftp://h/a", "ftp://h/a"),
        ("//a", "//a"),
    ],
)
def test_path(target: str, path: str) -> None:
    assert receive(request("GET", target)).path == path


def test_headers_are_found_by_lower_case_name() -> None:
    got = receive(request("GET", "/", b"", "X-CSTP-Address: 1", "x-cstp-address: 2"))
    assert got.header("x-cstp-address") == "1"
    assert got.values("x-cstp-address") == ("1", "2")
    assert got.header("absent") == ""


def test_response_keeps_the_case_of_names() -> None:
    server = HttpServer(Limits())
    server.receive(request("GET", "/"))
    data, end = server.respond(Response(200, b"x", "text/plain", (("X-CSTP-mIxEd", "1"),)), close=False)
    assert not end
    assert b"\r\nX-CSTP-mIxEd: 1\r\n" in data
    for name, value in SECURITY_HEADERS:
        assert f"\r\n{name}: {value}\r\n".encode() in data
    assert data.endswith(b"\r\n\r\nx")


def test_next_request_after_the_response() -> None:
    server = HttpServer(Limits())
    for _ in range(3):
        assert server.receive(request("POST", "/", b"abc")) is not None
        assert server.respond(Response(200, b"x"), close=False)[1] is False
    assert server.held == 0


def test_held_counts_what_is_unfinished() -> None:
    server = HttpServer(Limits())
    data = request("POST", "/", b"abc")
    server.receive(data[:20])
    assert server.held == 20
    server.receive(data[20:-1])
    assert server.held == 2


def test_error_before_the_request_is_whole_can_be_answered() -> None:
    server = HttpServer(Limits())
    server.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
    data, end = server.respond(Response(503), close=True)
    assert end
    assert data.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_response_that_http_does_not_allow() -> None:
    server = HttpServer(Limits())
    server.receive(request("GET", "/"))
    with pytest.raises(LocalError):
        server.respond(Response(200, headers=(("X", "a\r\nSet-Cookie: b"),)), close=False)


def test_errors_do_not_quote_the_request() -> None:
    with pytest.raises(PeerError) as caught:
        receive(b"GET / HTTP/1.1\r\nHost: a\r\nCookie webvpn=secret\r\n\r\n")
    assert "secret" not in str(caught.value)
