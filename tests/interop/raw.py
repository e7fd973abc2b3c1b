# SPDX-License-Identifier: GPL-3.0-or-later
"""A client made of bytes: TLS from a namespace to a gateway, and whatever a test wants to say through it.

Owns opening sockets inside a namespace (the calling thread visits it) and reading HTTP answers. Real clients do the
honest work elsewhere; this one is for what they would never send.
"""

from __future__ import annotations

import ctypes
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.logins import INIT, REPLY
from wolfguard.linux.namespace import Namespace, Topology

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def set_namespace(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """Sockets made in this block belong to the namespace."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace.name}") as there:
        set_namespace(there.fileno())
        try:
            yield
        finally:
            set_namespace(home.fileno())


def dial(namespace: Namespace, address: str = Topology.GATEWAY_V4, port: int = 443, source: str = "") -> socket.socket:
    with inside(namespace):
        return socket.create_connection((address, port), timeout=15, source_address=(source, 0) if source else None)


@dataclass
class Raw:
    """One TLS connection. Answers are read whole."""

    tls: ssl.SSLSocket
    pending: bytes = b""

    @classmethod
    def open(cls, namespace: Namespace, authority: str, **settings: str) -> Raw:
        context = ssl.create_default_context(cafile=authority)
        plain = dial(namespace, **settings)  # type: ignore[arg-type]
        return cls(context.wrap_socket(plain, server_hostname="vpn.example.test"))

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def answer(self) -> tuple[int, str, bytes]:
        """Status, head and body of the next response. Raises ConnectionError when the gateway closed instead."""
        while b"\r\n\r\n" not in self.pending:
            self.pending += self.more()
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        length = re.search(r"(?im)^content-length: (\d+)", text)
        wanted = int(length.group(1)) if length else 0
        while len(self.pending) < wanted:
            self.pending += self.more()
        body, self.pending = self.pending[:wanted], self.pending[wanted:]
        return int(text.split()[1]), text, body

    def more(self) -> bytes:
        try:
            data = self.tls.recv(65536)
        except (ssl.SSLError, ConnectionError) as error:
            raise ConnectionError(str(error)) from error
        if not data:
            raise ConnectionError("the gateway closed the connection")
        return data

    def closed(self) -> bool:
        """Whether the gateway has closed, or closes within the socket's time limit."""
        try:
            return self.tls.recv(1) == b""
        except TimeoutError:
            return False
        except (ssl.SSLError, OSError):
            return True

    def post(self, path: str, body: str) -> tuple[int, str, bytes]:
        data = body.encode()
        self.send(f"POST {path} HTTP/1.1\r\nHost: vpn\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        return self.answer()

    def log_in(self, user: str, password: str, group: str = "") -> str:
        """Goes through the login and returns the cookie."""
        chosen = f"<group-select>{group}</group-select>" if group else ""
        _, _, page = self.post("/", INIT.format(host="vpn", group=chosen))
        opaque = re.search(r"<opaque.*?</opaque>", page.decode(), re.DOTALL)
        action = re.search(r'<form[^>]*action="([^"]+)"', page.decode())
        reply = REPLY.format(opaque=opaque.group(0) if opaque else "", user=user, password=password)
        if chosen:
            reply = reply.replace("</config-auth>", f"{chosen}</config-auth>")
        status, head, page = self.post(action.group(1) if action else "/", reply)
        cookie = re.search(r"(?i)set-cookie: webvpn=([^;\s]+)", head)
        if status != 200 or cookie is None:
            raise ConnectionError(f"no cookie: {status} {page[:300]!r}")
        return cookie.group(1)

    def connect(self, cookie: str, *headers: str) -> tuple[int, str, bytes]:
        lines = [
            "CONNECT /CSCOSSLC/tunnel HTTP/1.1", "Host: vpn", f"Cookie: webvpn={cookie}", "X-CSTP-Version: 1",
            "X-CSTP-Hostname: raw", "X-CSTP-Address-Type: IPv6,IPv4", "X-CSTP-Full-IPv6-Capability: true", *headers,
        ]  # fmt: skip
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        return self.answer()

    def close(self) -> None:
        self.tls.close()


def frame(kind: int, payload: bytes = b"", *, length: int | None = None, magic: bytes = b"STF\x01") -> bytes:
    """One CSTP frame; `length` and `magic` can lie."""
    declared = len(payload) if length is None else length
    return magic + declared.to_bytes(2, "big") + bytes([kind, 0]) + payload
