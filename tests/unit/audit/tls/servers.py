# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad servers: TLS as OpenSSL and GnuTLS speak it when they are told to take everything.

A hello that such a server takes is well formed, so that its refusal by a gateway is the gateway's doing and no slip of
our own.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wolfguard.audit.vantage import Listener
from wolfguard.crypto.authority import make_authority

NAME = "vpn.example.test"
PATIENCE = 20.0
EVERYTHING = (
    "NONE:+VERS-ALL:+CIPHER-ALL:+ARCFOUR-128:+3DES-CBC:+NULL:+AES-128-CCM-8:+MAC-ALL:+SHA1:+MD5:+AEAD:+KX-ALL:+RSA:"
    "+DHE-RSA:+ANON-ECDH:+ANON-DH:+PSK:+SIGN-ALL:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1:+GROUP-ALL:+COMP-NULL:+CTYPE-X509:"
    "%VERIFY_ALLOW_SIGN_WITH_SHA1"
)


@dataclass(frozen=True)
class Keys:
    """A PKI in a folder: a certificate with a P-256 key and one with an RSA key."""

    folder: Path

    def of(self, kind: str) -> tuple[str, str]:
        return str(self.folder / f"server-{kind}.pem"), str(self.folder / f"server-{kind}.key")


def make_keys(folder: Path) -> Keys:
    make_authority(folder, (NAME,))
    return Keys(folder)


@contextmanager
def openssl(keys: Keys, kind: str, *words: str) -> Iterator[Listener]:
    """`openssl s_server` with the weak let in."""
    certificate, key = keys.of(kind)
    port = _free_port(socket.SOCK_STREAM)
    command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key]
    with _running([*command, *words], port) as listener:
        yield listener


@contextmanager
def gnutls(keys: Keys, kind: str, *words: str, priority: str = EVERYTHING) -> Iterator[Listener]:
    """`gnutls-serv` with everything that it has."""
    certificate, key = keys.of(kind)
    udp = "--udp" in words
    port = _free_port(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    command = ["gnutls-serv", "-q", "-p", str(port), "--x509certfile", certificate, "--x509keyfile", key]
    with _running([*command, "--priority", priority, *words], port, udp=udp) as listener:
        yield listener


@contextmanager
def _running(command: Sequence[str], port: int, *, udp: bool = False) -> Iterator[Listener]:
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _until_it_listens(server, port, udp=udp)
        yield Listener("127.0.0.1", port, NAME)
    finally:
        server.kill()
        server.communicate()


def _until_it_listens(server: subprocess.Popen[str], port: int, *, udp: bool) -> None:
    tables = ("/proc/net/udp", "/proc/net/udp6") if udp else ("/proc/net/tcp", "/proc/net/tcp6")
    end = time.monotonic() + PATIENCE
    while True:
        listening = "".join(Path(table).read_text() for table in tables)
        if any(f":{port:04X} " in line.split(maxsplit=2)[1] + " " for line in listening.splitlines()[1:]):
            return
        assert server.poll() is None, server.communicate()
        assert time.monotonic() < end, f"nobody listens on {port}"
        time.sleep(0.05)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
