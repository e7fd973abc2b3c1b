# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS connections that we open: the face of the native client.

Owns the form of its errors. Bytes go in and out; sockets and clocks are the caller's. The server's chain and name are
always checked, each of its certificates is judged by the caller's rules, TLS 1.3 is the only version, and the protocol
is agreed on by name (ALPN, RFC 7301).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wolfguard import _native
from wolfguard._native import SignChannel
from wolfguard.errors import LocalError, PeerError

__all__ = ["ClientSettings", "SignChannel", "TlsClient"]


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """`server_name` is what the server's certificate must say, `authorities` (PEM) whom we trust, `chain` (PEM) and
    `key` (number in keyd) are ours. Names are IANA's, `protocols` preferred first. `judge` is given the server's
    certificates (DER, its own first) before anything is said to it, and raises PeerError for those that break a rule.
    """

    server_name: str
    authorities: bytes
    chain: bytes
    key: int
    protocols: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    signatures: tuple[str, ...]
    minimum_rsa_bits: int
    judge: Callable[[Sequence[bytes]], None]


class TlsClient:
    """One connection. Raises LocalError for settings that cannot be, PeerError with a label when the connection is at
    its end."""

    def __init__(self, settings: ClientSettings, channel: SignChannel) -> None:
        self._judge = settings.judge
        try:
            self._client = _native.TlsClient(
                channel=channel,
                server_name=settings.server_name,
                authorities=settings.authorities,
                chain=settings.chain,
                key=settings.key,
                protocols=",".join(settings.protocols),
                suites=list(settings.suites),
                groups=list(settings.groups),
                signatures=list(settings.signatures),
                minimum_rsa_bits=settings.minimum_rsa_bits,
            )
        except ValueError as error:
            raise LocalError(str(error)) from None

    def feed(self, data: bytes) -> None:
        """Takes bytes from the server."""
        try:
            self._client.feed(data)
        except MemoryError:
            raise PeerError("tls_flood") from None

    def handshake(self) -> tuple[str, str] | None:
        """(protocol, suite) when it is done, None while more bytes are wanted."""
        try:
            done = self._client.handshake()
        except ConnectionError as error:
            raise PeerError(str(error)) from None
        if done is not None:
            self._judge(self._client.chain())
        return done

    def read(self) -> bytes | None:
        """Plaintext of the next record, None while more bytes are wanted."""
        try:
            return self._client.read()
        except ConnectionError as error:
            raise PeerError(str(error)) from None

    def write(self, data: bytes) -> bool:
        """False: there is no room until what is pending has been sent."""
        try:
            return self._client.write(data)
        except ConnectionError as error:
            raise PeerError(str(error)) from None

    def close(self) -> None:
        """Queues the end of the connection."""
        self._client.close_notify()

    def pending(self) -> bytes:
        """What is to be sent."""
        return self._client.pending()

    def sent(self, count: int) -> None:
        self._client.sent(count)
