# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS 1.2 in the clear, byte by byte (RFC 6347 section 4): records, handshake messages and hellos, whose lengths and
numbers can lie. Sans-IO; what is done with them is the tests' matter."""

from __future__ import annotations

import os
from collections.abc import Sequence

VERSION = b"\xfe\xfd"
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA, CID = 20, 21, 22, 23, 25
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY_REQUEST = 1, 2, 3
SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE, FINISHED = 14, 16, 20
PSK_AES_256_GCM = 0x00A9
EXTENDED_MASTER_SECRET = b"\x00\x17\x00\x00"
RECORD_HEAD, MESSAGE_HEAD = 13, 12


def record(kind: int, payload: bytes, *, epoch: int = 0, number: int = 0, length: int | None = None) -> bytes:
    declared = len(payload) if length is None else length
    return (
        bytes([kind]) + VERSION + epoch.to_bytes(2, "big") + number.to_bytes(6, "big") + declared.to_bytes(2, "big")
    ) + payload


def message(
    kind: int, body: bytes, *, sequence: int = 0, whole: int | None = None, offset: int = 0, here: int | None = None
) -> bytes:
    """One handshake message, or a fragment of it when `whole`, `offset` and `here` say so."""
    return (
        bytes([kind])
        + (len(body) if whole is None else whole).to_bytes(3, "big")
        + sequence.to_bytes(2, "big")
        + offset.to_bytes(3, "big")
        + (len(body) if here is None else here).to_bytes(3, "big")
    ) + body


def hello_body(
    session_id: bytes,
    *,
    random: bytes = b"",
    cookie: bytes = b"",
    suites: Sequence[int] = (PSK_AES_256_GCM,),
    extensions: bytes = EXTENDED_MASTER_SECRET,
) -> bytes:
    return (
        VERSION
        + (random or os.urandom(32))
        + bytes([len(session_id)]) + session_id
        + bytes([len(cookie)]) + cookie
        + (2 * len(suites)).to_bytes(2, "big") + b"".join(suite.to_bytes(2, "big") for suite in suites)
        + b"\x01\x00"
        + len(extensions).to_bytes(2, "big") + extensions
    )  # fmt: skip


def extension(kind: int, content: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def extensions_of(server_hello: bytes) -> set[int]:
    """Kinds of extension in a ServerHello's body, of TLS as of DTLS (RFC 5246 section 7.4.1.3)."""
    at = 2 + 32
    at += 1 + server_hello[at] + 2 + 1  # session, suite, compression
    rest, kinds = server_hello[at + 2 :], set()
    while rest:
        kinds.add(int.from_bytes(rest[:2], "big"))
        rest = rest[4 + int.from_bytes(rest[2:4], "big") :]
    return kinds


def hello(session_id: bytes) -> bytes:
    """The datagram with which a client begins."""
    return record(HANDSHAKE, message(CLIENT_HELLO, hello_body(session_id)))
