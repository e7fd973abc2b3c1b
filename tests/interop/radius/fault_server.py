# SPDX-License-Identifier: GPL-3.0-or-later
"""RADIUS servers that do wrong things on purpose, in a thread of the test: over UDP, or over TLS as RADIUS/1.1.

A fault is a function from the request's bytes to the packets that go back, in order. Built on pyrad's and our own
packets; over TLS on Python's ssl, which is no part of the gateway.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.interop.radius.pki import Identity
from wolfguard.auth.radius.packet import split

Fault = Callable[[bytes], Sequence[bytes]]


class UdpFaults:
    """Answers every datagram with what `fault` makes of it."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> UdpFaults:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(65536)
            except OSError:
                return
            if not data:
                return
            self.heard.append(data)
            for reply in self._fault(data):
                self._socket.sendto(reply, sender)


class TlsFaults:
    """One connection after the other. `protocols`: what it takes by ALPN; `tls12`: it knows nothing newer;
    not `strict`: it has certificates that OpenSSL would not have. `fault` gives what it sends for each whole packet."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        authority: bytes,
        fault: Fault,
        *,
        protocols: Sequence[str] = ("radius/1.1",),
        tls12: bool = False,
        strict: bool = True,
    ) -> None:
        self._fault = fault
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if not strict:
            self._context.set_ciphers("ALL:@SECLEVEL=0")
        (folder / "fault.pem").write_bytes(identity.chain)
        (folder / "fault.key").write_bytes(identity.key)
        self._context.load_cert_chain(folder / "fault.pem", folder / "fault.key")
        self._context.load_verify_locations(cadata=authority.decode())
        self._context.verify_mode = ssl.CERT_REQUIRED
        if protocols:
            self._context.set_alpn_protocols(list(protocols))
        if tls12:
            self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> TlsFaults:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(plain)
            with suppress(OSError, ssl.SSLError):
                self._talk(self._context.wrap_socket(plain, server_side=True))
            plain.close()

    def _talk(self, connection: ssl.SSLSocket) -> None:
        self._connections.append(connection)
        buffer = bytearray()
        with connection:
            while data := connection.recv(65536):
                buffer += data
                for each in split(buffer):
                    self.heard.append(each)
                    for reply in self._fault(each):
                        connection.sendall(reply)
