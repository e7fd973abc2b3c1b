# SPDX-License-Identifier: GPL-3.0-or-later
"""A RADIUS/1.1 server that takes every login and every event, and orders what a test wants on the connections that the
gateway has opened (draft-ietf-radext-reverse-coa). Built on Python's ssl, which is no part of the gateway, and on
packets of ours."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from tests.interop import raw
from tests.interop.radius.pki import Identity
from wolfguard.auth.radius import packet
from wolfguard.auth.radius.packet import Attributes, Packet, decode, encode, split
from wolfguard.linux.namespace import Namespace

ANSWERS = {
    packet.ACCESS_REQUEST: packet.ACCESS_ACCEPT,
    packet.ACCOUNTING_REQUEST: packet.ACCOUNTING_RESPONSE,
    packet.STATUS_SERVER: packet.ACCESS_ACCEPT,
}
TURN_SECONDS = 0.02
"""How long a connection listens before it looks for something to send: one thread may use its TLS at a time."""


class OrderingServer:
    """`says` are the attributes of each Access-Accept. `namespace`: where it listens."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        authority: bytes,
        says: Attributes = (),
        namespace: Namespace | None = None,
    ) -> None:
        self._says = says
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (folder / "ordering.pem").write_bytes(identity.chain)
        (folder / "ordering.key").write_bytes(identity.key)
        self._context.load_cert_chain(folder / "ordering.pem", folder / "ordering.key")
        self._context.load_verify_locations(cadata=authority.decode())
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.set_alpn_protocols(["radius/1.1"])
        with raw.inside(namespace) if namespace is not None else nullcontext():
            self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.told: list[Packet] = []
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Packet] = queue.SimpleQueue()
        self._connections: list[socket.socket] = []
        self._token = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def order(self, code: int, *attributes: tuple[int, bytes]) -> Packet:
        """The gateway's answer to this request."""
        self._token += 1
        self.send(encode(Packet(code, 0, self._token.to_bytes(4, "big") + bytes(12), attributes)))
        answer = self._answers.get(timeout=20)
        assert answer.authenticator[:4] == self._token.to_bytes(4, "big")
        return answer

    def send(self, data: bytes) -> None:
        """On whichever connection has its turn."""
        self._outgoing.put(data)

    def answers(self, count: int) -> Sequence[Packet]:
        """The next so many, whatever they answer."""
        return [self._answers.get(timeout=20) for _ in range(count)]

    def close(self) -> None:
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(plain)
            threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        buffer = bytearray()
        with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
            self._connections.append(connection)
            connection.settimeout(TURN_SECONDS)
            while True:
                try:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                except TimeoutError:
                    with suppress(queue.Empty):
                        connection.sendall(self._outgoing.get_nowait())
                    continue
                for each in split(buffer):
                    answer = self._heard(decode(each))
                    if answer:
                        connection.sendall(answer)

    def _heard(self, got: Packet) -> bytes:
        code = ANSWERS.get(got.code)
        if code is None:
            self._answers.put(got)
            return b""
        self.told.append(got)
        attributes = self._says if got.code == packet.ACCESS_REQUEST else ()
        return encode(Packet(code, 0, got.authenticator[:4] + bytes(12), attributes))
