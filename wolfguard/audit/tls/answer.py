# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server answers to a ClientHello in the clear: its first flight, or an alert (RFC 8446 and RFC 5246).

Owns the parsing, within limits and without trust: a server that is looked at may be anything. What makes no sense is no
answer of a TLS server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from wolfguard.audit.tls import hello

ACCEPTED: Final = "accepted"
RETRY: Final = "retry"
REFUSED: Final = "refused"
FLIGHT_MAXIMUM: Final = 256 * 1024
CERTIFICATES_MAXIMUM: Final = 10

_ALERT, _HANDSHAKE = 0x15, 0x16
_SERVER_HELLO, _HELLO_VERIFY, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 3, 11, 12, 14
_RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_SUITES: Final = {number: name for name, number in hello.SUITES.items()}
_GROUPS: Final = {number: name for name, number in hello.GROUPS.items()}
_ALERTS: Final = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
    42: "bad_certificate", 47: "illegal_parameter", 48: "unknown_ca", 50: "decode_error", 51: "decrypt_error",
    70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback",
    90: "user_canceled", 109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


class NotTlsError(ValueError):
    """What came is no answer of a TLS server; the text says where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`kind` is ACCEPTED, RETRY or REFUSED. Names are IANA's, or numbers where the tables here have none. `group` is
    empty where none is told; `chain` is DER, leaf first, of TLS 1.2 alone."""

    kind: str
    alert: str = ""
    version: str = ""
    suite: str = ""
    group: str = ""
    extended_master_secret: bool = False
    secure_renegotiation: bool = False
    session_id: int = 0
    chain: tuple[bytes, ...] = field(default=(), repr=False)


def datagram(data: bytes) -> Answer | bytes | None:
    """What the first datagram of a DTLS 1.2 server says: a cookie to come back with, an answer, or nothing that counts
    here. Raises NotTlsError."""
    head = _Bytes(data)
    kind, version, _ = head.number(1), head.number(2), head.take(8)
    body = _Bytes(head.vector(2))
    if version >> 8 != 0xFE:
        raise NotTlsError("something else than DTLS records")
    if kind == _ALERT:
        _, description = body.number(1), body.number(1)
        return Answer(REFUSED, alert=_ALERTS.get(description, str(description)))
    if kind != _HANDSHAKE:
        return None
    message, length, _, start, size = (body.number(count) for count in (1, 3, 2, 3, 3))
    if start or size != length:
        raise NotTlsError("a first message in pieces")
    if message == _HELLO_VERIFY:
        body.take(2)
        return body.vector(1)
    return _server_hello(body) if message == _SERVER_HELLO else None


class Flight:
    """Bytes of the server in, an answer out once there is one."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._messages = bytearray()
        self._answer: Answer | None = None

    def feed(self, data: bytes) -> Answer | None:
        """Raises NotTlsError."""
        self._bytes += data
        if len(self._bytes) + len(self._messages) > FLIGHT_MAXIMUM:
            raise NotTlsError("a flight without an end")
        while len(self._bytes) >= 5:
            kind, length = self._bytes[0], int.from_bytes(self._bytes[3:5], "big")
            if kind not in (_ALERT, _HANDSHAKE, 0x14, 0x17) or self._bytes[1] != 3 or length > 2**14 + 256:
                raise NotTlsError("something else than TLS records")
            if len(self._bytes) < 5 + length:
                return None
            body = bytes(self._bytes[5 : 5 + length])
            del self._bytes[: 5 + length]
            if kind == _ALERT:
                if length != 2:
                    raise NotTlsError("an alert of another length")
                return Answer(REFUSED, alert=_ALERTS.get(body[1], str(body[1])))
            if kind == _HANDSHAKE:
                self._messages += body
                if (answer := self._read()) is not None:
                    return answer
        return None

    def _read(self) -> Answer | None:
        while len(self._messages) >= 4:
            kind, length = self._messages[0], int.from_bytes(self._messages[1:4], "big")
            if len(self._messages) < 4 + length:
                return None
            body = _Bytes(bytes(self._messages[4 : 4 + length]))
            del self._messages[: 4 + length]
            if kind == _SERVER_HELLO and self._answer is None:
                self._answer = _server_hello(body)
                if self._answer.kind == RETRY or self._answer.version == "1.3":
                    return self._answer
            elif self._answer is None:
                raise NotTlsError("a message before ServerHello")
            elif kind == _CERTIFICATE:
                self._answer = replace(self._answer, chain=_chain(body))
            elif kind == _SERVER_KEY_EXCHANGE:
                self._answer = replace(self._answer, group=_key_exchange(body))
            elif kind == _SERVER_HELLO_DONE:
                return self._answer
        return None


class _Bytes:
    """Reads from the front. Raises NotTlsError past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise NotTlsError("a message that ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))

    def more(self) -> bool:
        return self._at < len(self._data)


def _server_hello(body: _Bytes) -> Answer:
    version, random = body.number(2), body.take(32)
    session = body.vector(1)
    suite, _ = body.number(2), body.number(1)
    extensions: dict[int, bytes] = {}
    if body.more():
        block = _Bytes(body.vector(2))
        while block.more():
            number = block.number(2)
            extensions[number] = block.vector(2)
    if 43 in extensions:
        if len(extensions[43]) != 2:
            raise NotTlsError("a ServerHello that names several versions")
        version = int.from_bytes(extensions[43], "big")
    share = extensions.get(51, b"")
    return Answer(
        RETRY if random == _RETRY_RANDOM else ACCEPTED,
        version=hello.VERSION_NAMES.get(version, hex(version)),
        suite=_SUITES.get(suite, hex(suite)),
        group=_group(int.from_bytes(share[:2], "big")) if len(share) >= 2 else "",
        extended_master_secret=23 in extensions or version == hello.TLS13,
        secure_renegotiation=0xFF01 in extensions,
        session_id=0 if version == hello.TLS13 else len(session),
    )


def _chain(body: _Bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    certificates = _Bytes(body.vector(3))
    while certificates.more():
        found.append(certificates.vector(3))
        if len(found) > CERTIFICATES_MAXIMUM:
            raise NotTlsError(f"more than {CERTIFICATES_MAXIMUM} certificates")
    return tuple(found)


def _key_exchange(body: _Bytes) -> str:
    """The named group of ECDHE (RFC 8422 section 5.4), empty for other ways."""
    return _group(body.number(2)) if body.number(1) == 3 else ""


def _group(number: int) -> str:
    return _GROUPS.get(number, str(number))
