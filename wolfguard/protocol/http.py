# SPDX-License-Identifier: GPL-3.0-or-later
"""The server side of HTTP/1.1 as VPN clients speak it: one request at a time, bounded, nothing ahead of its turn.

Owns framing (RFC 9112, by h11), limits and the refusal of anything that could be read in two ways. Must not know what
a request means: paths, logins and tunnels live in `connection`. Response header names keep the case they are given,
because clients compare `X-CSTP-` names by case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import h11

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.refusals import REASON_PHRASES

# Nothing that this server sends is meant for a cache, a frame, a script or another site.
SECURITY_HEADERS: Final[tuple[tuple[str, str], ...]] = (
    ("Cache-Control", "no-store"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)

# A chunked body may cost this many bytes on the wire for each byte that it may carry, and no more: chunk extensions
# are thrown away, so without this limit they would be an endless stream that never reaches the body's limit.
_CHUNKED_OVERHEAD: Final = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of the request line with all headers, and bytes of a body after its transfer coding is removed."""

    header_bytes: int = 16384
    body_bytes: int = 262144


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request. Header names are lower case, in order of arrival; `path` has neither query nor authority."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        target = self.target
        scheme, separator, rest = target.partition("://")
        if separator and scheme.lower() in ("http", "https"):
            target = "/" + rest.partition("/")[2]
        return target.partition("?")[0].partition("#")[0]

    def header(self, name: str) -> str:
        """The first value of a header (name in lower case), or ""."""
        return next((value for key, value in self.headers if key == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a header (name in lower case)."""
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` come after Content-Type and Content-Length, before the security headers, spelled as given."""

    status: int
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class HttpServer:
    """One connection's HTTP. Feed `receive`; for each request that it returns, call `respond` once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)
        self._head: h11.Request | None = None
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._body_wire_bytes = 0
        self._interim = b""

    @property
    def held(self) -> int:
        """Bytes of an unfinished request that are kept in memory."""
        return self._body_bytes if self._head is not None else self._head_bytes

    def receive(self, data: bytes) -> Request | None:
        """Takes plaintext in pieces of any size; returns the request once it is whole.

        Raises PeerError: http_malformed, http_framing, http_pipelined, http_headers_too_large, http_body_too_large,
        http_transfer_encoding. After an error only `respond(..., close=True)` makes sense.
        """
        request: Request | None = None
        rest = memoryview(data)
        while rest:
            if request is not None:
                raise PeerError("http_pipelined", f"{len(rest)} bytes after the request")
            piece = rest[: self._allowance()]
            rest = rest[len(piece) :]
            self._wire.receive_data(bytes(piece))
            if self._head is None:
                self._head_bytes += len(piece)
            else:
                self._body_wire_bytes += len(piece)
            request = self._advance()
        return request

    def interim(self) -> bytes:
        """`100 Continue`, once, if the client asked for it."""
        data, self._interim = self._interim, b""
        return data

    def respond(self, response: Response, *, close: bool) -> tuple[bytes, bool]:
        """The bytes of a response, and whether the connection must be closed after them."""
        headers: list[tuple[str, str]] = []
        if response.content_type:
            headers.append(("Content-Type", response.content_type))
        headers.append(("Content-Length", str(len(response.body))))
        headers.extend(response.headers)
        headers.extend(SECURITY_HEADERS)
        headers.append(("Connection", "close" if close else "Keep-Alive"))
        try:
            out = self._wire.send(
                h11.Response(
                    status_code=response.status,
                    headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers],
                    reason=REASON_PHRASES[response.status].encode("ascii"),
                )
            )
            if response.body and self._method() != "HEAD":
                out += self._wire.send(h11.Data(data=response.body))
            out += self._wire.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise LocalError(f"a response that HTTP does not allow: {error}") from error
        if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
            return out, True
        self._wire.start_next_cycle()
        self._head = None
        self._head_bytes = 0
        return out, False

    def _method(self) -> str:
        return "" if self._head is None else str(self._head.method, "ascii")

    def _allowance(self) -> int:
        """How much h11 may be given next, so that limits do not depend on how the stream was cut."""
        if self._head is None:
            return max(1, self._limits.header_bytes - self._head_bytes)
        return self._limits.header_bytes

    def _advance(self) -> Request | None:
        """Takes h11's events until it wants more data; returns the request when its end was among them."""
        while True:
            try:
                event = self._wire.next_event()
            except h11.RemoteProtocolError as error:
                raise _refusal(error) from None
            if event is h11.NEED_DATA:
                if self._head is None and self._head_bytes >= self._limits.header_bytes:
                    raise PeerError("http_headers_too_large", f"more than {self._limits.header_bytes} bytes")
                return None
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._collect(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return self._end()
            else:
                raise PeerError("http_malformed", "unexpected end of the request")

    def _begin(self, head: h11.Request) -> None:
        self._head = head
        self._body_bytes = self._body_wire_bytes = 0
        names = [name for name, _ in head.headers]
        coded = b"transfer-encoding" in names
        if coded and (b"content-length" in names or head.http_version < b"1.1"):
            # RFC 9112 §6.1 lets one win; two readers that disagree about which are a smuggling hole.
            raise PeerError("http_framing", "Transfer-Encoding where it is ambiguous")
        length = next((int(value) for name, value in head.headers if name == b"content-length"), 0)
        if length > self._limits.body_bytes:
            raise PeerError("http_body_too_large", f"Content-Length {length}")
        if self._wire.they_are_waiting_for_100_continue and (coded or length):
            # Always, even if the body is here already: what is sent must not depend on how the stream was cut.
            phrase = REASON_PHRASES[100].encode("ascii")
            self._interim = self._wire.send(h11.InformationalResponse(status_code=100, headers=[], reason=phrase))

    def _collect(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_bytes:
            raise PeerError("http_body_too_large", f"more than {self._limits.body_bytes} bytes")
        if self._body_wire_bytes > _CHUNKED_OVERHEAD * self._limits.body_bytes:
            raise PeerError("http_body_too_large", "chunked body with too much overhead")
        self._body.append(data)

    def _end(self) -> Request:
        head = self._head
        if head is None:
            raise LocalError("h11 ended a request that it never began")
        surplus, _ = self._wire.trailing_data
        if surplus:
            raise PeerError("http_pipelined", f"{len(surplus)} bytes after the request")
        body = b"".join(self._body)
        self._body.clear()
        self._body_bytes = 0
        return Request(
            method=str(head.method, "ascii"),
            target=str(head.target, "ascii"),
            headers=tuple((str(name, "ascii"), str(value, "latin-1")) for name, value in head.headers),
            body=body,
        )


def _refusal(error: h11.RemoteProtocolError) -> PeerError:
    """h11's texts quote the peer's bytes, which may hold a cookie: only the status hint travels on."""
    if error.error_status_hint == 431:
        return PeerError("http_headers_too_large", "a chunk header or trailer")
    if error.error_status_hint == 501:
        return PeerError("http_transfer_encoding", "only chunked is supported")
    return PeerError("http_malformed", "not HTTP/1.1")
