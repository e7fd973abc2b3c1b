# SPDX-License-Identifier: GPL-3.0-or-later
"""A plane on loopback with a key server next to it: what the tests of this folder share."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from wolfguard._native import KeyServer, built_algorithms
from wolfguard.crypto.authority import Authority
from wolfguard.engine import Data, Event, Limits, Opened, Plane, TlsCertificate, TlsSite

THREADS = 2
ECDSA, RSA = 3, 4
PATIENCE = 20.0
HELLO = b"hello\n"
GROUPS = ("SecP256r1MLKEM768", "secp256r1", "secp384r1")
WIDE = Limits(
    half_open=1000,
    handshakes_per_second=10_000,
    handshake_burst=10_000,
    unauthenticated=1000,
    handshake_ms=10_000,
    login_ms=10_000,
)

E = TypeVar("E", bound=Event)


def site(authority: Authority, **changes: object) -> TlsSite:
    """Both certificates, a hybrid first where one is built, TLS 1.2 with extended master secret only."""
    values: dict[str, object] = {
        "name": "main",
        "server_names": ("vpn.example.test",),
        "certificates": (
            TlsCertificate(ECDSA, authority.ecdsa.certificate.read_bytes()),
            TlsCertificate(RSA, authority.rsa.certificate.read_bytes()),
        ),
        "versions": ("1.3", "1.2"),
        "suites_tls13": ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
        "suites_tls12": ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        "groups": tuple(name for name in GROUPS if name in built_algorithms()["groups"]),
        "key_shares": tuple(name for name in GROUPS[:1] if name in built_algorithms()["groups"]),
        "signatures": ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"),
        "require_extended_master_secret": True,
        "require_hybrid": False,
        "minimum_rsa_bits": 2048,
    }
    return TlsSite(**{**values, **changes})  # type: ignore[arg-type]


@dataclass(slots=True)
class Gateway:
    plane: Plane
    keys: KeyServer
    port: int
    listener: socket.socket
    authority: Authority

    @classmethod
    def start(cls, authority: Authority, limits: Limits = WIDE, **changes: object) -> Gateway:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        plane = Plane(
            slot=0,
            tun=-1,
            listeners=[listener.fileno()],
            datagrams=[],
            counters=-1,
            handshake_threads=THREADS,
            limits=limits,
        )
        made = cls(plane, KeyServer(100_000), listener.getsockname()[1], listener, authority)
        for number, issued in ((ECDSA, authority.ecdsa), (RSA, authority.rsa)):
            made.keys.load(number, os.open(issued.key, os.O_RDONLY | os.O_CLOEXEC))
        plane.set_sites([site(authority, **changes)])
        made.connect_keys()
        plane.start()
        return made

    def connect_keys(self) -> None:
        """A new channel for each handshake thread, as after a restart of the key server."""
        for thread in range(THREADS):
            worker, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.keys.serve(server.detach(), [ECDSA, RSA])
            self.plane.set_sign_channel(thread, worker.detach())

    def stop(self) -> None:
        self.plane.stop()
        self.keys.close()
        self.listener.close()

    def next(self, kind: type[E], wanted: Callable[[E], bool] = lambda event: True) -> E:
        """The next event of this kind that is wanted; others before it are let by."""
        bell = select.poll()
        bell.register(self.plane.eventfd, select.POLLIN)
        while True:
            for event in self.plane.poll(1):
                if isinstance(event, kind) and wanted(event):
                    return event
            assert bell.poll(PATIENCE * 1000), f"no {kind.__name__} came"

    def opened(self, client: ssl.SSLSocket) -> Opened:
        """What is told of a client, which it is with the first that it says."""
        client.sendall(HELLO)
        told = self.next(Opened)
        assert self.next(Data) == Data(told.conn, HELLO)
        return told

    def client(self, context: ssl.SSLContext, name: str = "vpn.example.test") -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        try:
            return context.wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise


def client_context(root: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(root))
    context.minimum_version = context.maximum_version = version
    return context
