# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's DTLS made of bytes: a tunnel's second channel whose every record a test may shape.

Owns one handshake (DTLS 1.2, TLS_PSK_WITH_AES_256_GCM_SHA384 with the extended master secret) and the sealing and
opening of records. The key is exported from the tunnel's TLS 1.3 connection by way of its key log (RFC 8446 section
7.5), for Python's ssl has no exporter. Nothing is repeated: it runs where no datagram is lost.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile import hellos
from tests.interop.hostile.inner import echo, is_echoed
from tests.interop.raw import Raw, dial, inside
from wolfguard.linux.namespace import Topology

LABEL = b"EXPORTER-openconnect-psk"
OFFER = ("X-DTLS-CipherSuite: PSK-NEGOTIATE", "X-DTLS-Master-Secret: " + "0" * 96)
PATIENCE = 5.0
REPEAT = 0.5


def expand_label(secret: bytes, label: bytes, context: bytes, length: int, digest: str) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1, for lengths of one block."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\x01", digest)[:length]


def exported(log: str, suite: str) -> bytes:
    """The pre-shared key, from what a TLS 1.3 connection with this suite wrote to its key log."""
    digest = suite.rpartition("_")[2].lower()
    found = re.search(r"(?m)^EXPORTER_SECRET \S+ (\S+)$", log)
    assert found is not None, log
    nothing = hashlib.new(digest).digest()
    secret = expand_label(bytes.fromhex(found.group(1)), LABEL, nothing, len(nothing), digest)
    return expand_label(secret, b"exporter", nothing, 32, digest)


def prf(secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 section 5, with SHA-384."""
    turn, out = label + seed, b""
    while len(out) < length:
        turn = hmac.digest(secret, turn, "sha384")
        out += hmac.digest(secret, turn + label + seed, "sha384")
    return out[:length]


@dataclass
class Datagrams:
    """One association from a connected UDP socket. `number` is the next record's in epoch 1; `extensions` are those of
    the hello, the extended master secret among them; `server_hello` is the body of the answer."""

    socket: socket.socket
    key: bytes
    app_id: bytes
    number: int = 0
    random: bytes = field(default_factory=lambda: os.urandom(32))
    extensions: bytes = hellos.EXTENDED_MASTER_SECRET
    server_hello: bytes = b""
    _transcript: bytes = b""
    _sequence: int = 0
    _arrived: list[bytes] = field(default_factory=list)

    def handshake(self) -> None:
        asked = self._ask_for_cookie()
        assert asked[0] == hellos.HELLO_VERIFY_REQUEST
        cookie = asked[hellos.MESSAGE_HEAD + 3 :]
        self._transcript = b""  # the exchange of cookies is no part of it
        self._say(hellos.CLIENT_HELLO, self._hello(cookie))
        while True:
            message = self._next_message()
            self._transcript += message
            if message[0] == hellos.SERVER_HELLO:
                self.server_hello = message[hellos.MESSAGE_HEAD :]
            if message[0] == hellos.SERVER_HELLO_DONE:
                break
        self._say(hellos.CLIENT_KEY_EXCHANGE, b"\x00\x03psk")
        size = len(self.key).to_bytes(2, "big")
        master = prf(size + bytes(len(self.key)) + size + self.key, b"extended master secret", self._hash(), 48)
        block = prf(master, b"key expansion", self.server_hello[2:34] + self.random, 72)
        self._ours, self._theirs = AESGCM(block[:32]), AESGCM(block[32:64])
        self._our_salt, self._their_salt = block[64:68], block[68:72]
        self.socket.send(hellos.record(hellos.CHANGE_CIPHER_SPEC, b"\x01", number=self._sequence))
        finished = prf(master, b"client finished", self._hash(), 12)
        said = hellos.message(hellos.FINISHED, finished, sequence=self._sequence)
        self.socket.send(self.seal(said, kind=hellos.HANDSHAKE))
        while self.receive()[0] != hellos.HANDSHAKE:
            pass

    def seal(self, payload: bytes, *, kind: int = hellos.DATA, number: int | None = None) -> bytes:
        """A protected record; with a `number` of its own the count of records stays."""
        if number is None:
            number, self.number = self.number, self.number + 1
        nonce = (1 << 48 | number).to_bytes(8, "big")
        about = nonce + bytes([kind]) + hellos.VERSION + len(payload).to_bytes(2, "big")
        sealed = self._ours.encrypt(self._our_salt + nonce, payload, about)
        return hellos.record(kind, nonce + sealed, epoch=1, number=number)

    def send(self, payload: bytes) -> None:
        """One frame: type byte, content."""
        self.socket.send(self.seal(payload))

    def receive(self) -> tuple[int, bytes]:
        """Kind and plaintext of the next protected record; what stands in the clear is skipped. Raises TimeoutError."""
        while True:
            record = self._next_record()
            if record[3:5] == b"\x00\x00":
                continue
            nonce, sealed = record[13:21], record[21:]
            about = record[3:11] + record[:3] + (len(sealed) - 16).to_bytes(2, "big")
            return record[0], self._theirs.decrypt(self._their_salt + nonce, sealed, about)

    def echo(self) -> None:
        """Asks whether the gateway is there, and fails unless the answer comes next. Raises TimeoutError.

        The request is empty, since a longer one would be a probe of the path and bound what is sent this way.
        """
        self.send(b"\x03")
        assert self.receive() == (hellos.DATA, b"\x04")

    def _hello(self, cookie: bytes = b"") -> bytes:
        return hellos.hello_body(self.app_id, random=self.random, cookie=cookie, extensions=self.extensions)

    def _ask_for_cookie(self) -> bytes:
        """Said again when nobody answers, as all clients do."""
        patience = self.socket.gettimeout()
        self.socket.settimeout(REPEAT)
        try:
            for _ in range(10):
                self._sequence = 0
                self._say(hellos.CLIENT_HELLO, self._hello())
                with suppress(TimeoutError):
                    return self._next_message()
            raise TimeoutError("the gateway asks for no cookie")
        finally:
            self.socket.settimeout(patience)

    def _say(self, kind: int, body: bytes) -> None:
        said = hellos.message(kind, body, sequence=self._sequence)
        self.socket.send(hellos.record(hellos.HANDSHAKE, said, number=self._sequence))
        self._transcript += said
        self._sequence += 1

    def _hash(self) -> bytes:
        return hashlib.sha384(self._transcript).digest()

    def _next_record(self) -> bytes:
        while not self._arrived:
            rest = self.socket.recv(65536)
            while rest:
                end = hellos.RECORD_HEAD + int.from_bytes(rest[11:13], "big")
                self._arrived.append(rest[:end])
                rest = rest[end:]
        return self._arrived.pop(0)

    def _next_message(self) -> bytes:
        """The server's messages come whole, each in a record of its own or several in one."""
        record = self._next_record()
        payload = record[hellos.RECORD_HEAD :]
        end = hellos.MESSAGE_HEAD + int.from_bytes(payload[1:4], "big")
        if rest := payload[end:]:
            self._arrived.insert(0, record[: hellos.RECORD_HEAD] + rest)
        return payload[:end]


@dataclass
class Member:
    """A session of ours with both channels."""

    tls: Raw
    datagrams: Datagrams
    inside: str
    inside6: str

    @classmethod
    def join(
        cls, gateway: Field, folder: Path, *, source: str = "", address: str = Topology.GATEWAY_V4, port: int = 443
    ) -> Member:
        """Logs in from `source` at this address of the gateway, with both channels from and to the same."""
        tls, head, key = tunnel(gateway, folder, source=source, address=address, port=port)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(gateway.topology.client):
            udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.settimeout(PATIENCE)
        udp.bind((source, 0))
        udp.connect((address, port))
        named = re.search(r"(?im)^x-dtls-app-id: ([0-9a-f]+)", head)
        assert named is not None, head
        inner = re.findall(r"(?m)^X-CSTP-Address(?:-IP6)?: ([^\s/]+)", head)
        datagrams = Datagrams(udp, key, bytes.fromhex(named.group(1)))
        try:
            datagrams.handshake()
        except TimeoutError:
            udp.close()
            tls.close()
            raise
        return cls(tls, datagrams, *sorted(inner, key=lambda each: ":" in each))

    def ping(self, number: int = 1) -> None:
        """To the host behind the gateway and back, by datagrams. Raises TimeoutError."""
        self.datagrams.send(b"\x00" + echo(self.inside, Topology.UPSTREAM_V4, number))
        while True:
            kind, frame = self.datagrams.receive()
            if kind == hellos.DATA and is_echoed(frame[1:], number):
                return

    @property
    def port(self) -> int:
        return int(self.datagrams.socket.getsockname()[1])

    def close(self) -> None:
        self.datagrams.socket.close()
        self.tls.close()


def tunnel(
    gateway: Field, folder: Path, *, source: str = "", address: str = Topology.GATEWAY_V4, port: int = 443
) -> tuple[Raw, str, bytes]:
    """A tunnel over TLS that asked for datagrams too, the answer's head, and the key for them."""
    log = folder / f"keys-{os.urandom(4).hex()}"
    context = ssl.create_default_context(cafile=str(gateway.site.authority))
    context.keylog_filename = str(log)
    plain = dial(gateway.topology.client, address, port, source)
    tls = Raw(context.wrap_socket(plain, server_hostname="vpn.example.test"))
    status, head, _ = tls.connect(tls.log_in("alice", PASSWORD), *OFFER)
    assert status == 200
    cipher = tls.tls.cipher()
    assert cipher is not None
    return tls, head, exported(log.read_text(), cipher[0])
