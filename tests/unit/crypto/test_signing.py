# SPDX-License-Identifier: GPL-3.0-or-later
"""The signing service from a worker's end of the channel: real keys, signatures checked by another library."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from wolfguard.crypto.authority import Authority, Issued, make_authority
from wolfguard.crypto.signing import SigningService
from wolfguard.errors import LocalError

ECDSA, RSA_PSS, RSA_PKCS1 = 1, 2, 3
SHA256 = 1
OK, FORBIDDEN, NO_KEY = 0, 2, 5
DIGEST = bytes(range(32))
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST


# In a process that may lock no memory at all: a key from descriptor 0, strictly and then leniently.
UNLOCKABLE = """
import os, resource
from wolfguard._native import KeyServer
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for allow in (False, True):
    server = KeyServer(1, allow)
    try:
        server.load(0, os.dup(0))
    except ValueError as error:
        print(error)
    print(server.unlocked())
    server.close()
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki"), ["vpn.example.test"])


@pytest.fixture
def service(authority: Authority) -> Iterator[SigningService]:
    made = SigningService(10_000)
    load(made, 0, authority.ecdsa)
    load(made, 1, authority.rsa)
    yield made
    made.close()


def load(service: SigningService, number: int, issued: Issued, chain: bytes | None = None) -> None:
    descriptor = os.open(issued.key, os.O_RDONLY | os.O_CLOEXEC)
    service.load(number, descriptor, issued.certificate.read_bytes() if chain is None else chain)


def connect(service: SigningService) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.serve_tls(theirs.detach())
    ours.settimeout(10)
    return ours


def ask(channel: socket.socket, key: int, scheme: int, data: bytes) -> tuple[int, bytes]:
    channel.send(struct.pack("=4sIHBBHH", b"RSGW", 99, key, scheme, SHA256, len(data), 0) + data)
    reply = channel.recv(1024)
    magic, number, status, length = struct.unpack_from("=4sIHH", reply)
    assert (magic, number, len(reply)) == (b"ASGW", 99, 12 + length)
    return status, reply[12:]


def test_signatures_verify(service: SigningService, authority: Authority) -> None:
    with connect(service) as channel:
        key = x509.load_pem_x509_certificate(authority.ecdsa.certificate.read_bytes()).public_key()
        status, signature = ask(channel, 0, ECDSA, DIGEST)
        assert status == OK
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, DIGEST, ec.ECDSA(Prehashed(hashes.SHA256())))
        key = x509.load_pem_x509_certificate(authority.rsa.certificate.read_bytes()).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        status, signature = ask(channel, 1, RSA_PSS, DIGEST)
        assert status == OK
        key.verify(signature, DIGEST, padding.PSS(padding.MGF1(hashes.SHA256()), 32), Prehashed(hashes.SHA256()))
        status, signature = ask(channel, 1, RSA_PKCS1, DIGEST_INFO)
        assert status == OK
        key.verify(signature, DIGEST, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def test_other_purposes_keys_are_out_of_a_workers_reach(service: SigningService) -> None:
    with connect(service) as channel:
        assert ask(channel, 895, ECDSA, DIGEST)[0] == NO_KEY
        assert ask(channel, 896, ECDSA, DIGEST)[0] == FORBIDDEN
        assert channel.recv(10) == b""
    counters = service.counters()
    assert (counters["refused_no_key"], counters["refused_forbidden"]) == (1, 1)


def test_a_key_of_another_certificate_is_refused_and_the_one_before_stays(
    service: SigningService, authority: Authority
) -> None:
    with pytest.raises(LocalError, match="does not belong to the certificate"):
        load(service, 0, authority.rsa, authority.ecdsa.certificate.read_bytes())
    with pytest.raises(LocalError, match="no certificate"):
        load(service, 0, authority.rsa, b"")
    with connect(service) as channel:
        assert ask(channel, 0, ECDSA, DIGEST)[0] == OK


def test_an_unloaded_key_is_gone(service: SigningService) -> None:
    with connect(service) as channel:
        service.unload(0)
        assert ask(channel, 0, ECDSA, DIGEST)[0] == NO_KEY
        assert ask(channel, 1, RSA_PSS, DIGEST)[0] == OK


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"x" * 20_000, "larger than 16 KiB"),
        (b"hello", "no private key"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "passphrase"),
    ],
)
def test_unusable_files_are_refused_and_closed(
    service: SigningService, authority: Authority, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    descriptor = os.open(file, os.O_RDONLY)
    with pytest.raises(LocalError, match=words):
        service.load(0, descriptor, authority.ecdsa.certificate.read_bytes())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_pipe_is_no_key_file(service: SigningService, authority: Authority) -> None:
    reader, writer = os.pipe()
    with pytest.raises(LocalError, match="not a regular file"):
        service.load(0, reader, authority.ecdsa.certificate.read_bytes())
    os.close(writer)


def test_only_packet_sockets_are_served(service: SigningService) -> None:
    ours, theirs = socket.socketpair()
    with ours, pytest.raises(LocalError, match="SOCK_SEQPACKET"):
        service.serve_tls(theirs.detach())


def test_closing_ends_channels(service: SigningService) -> None:
    with connect(service) as channel:
        service.close()
        assert channel.recv(10) == b""
    with pytest.raises(ValueError, match="closed"):
        service.counters()


def test_memory_that_cannot_be_locked_is_refused_or_told_of(service: SigningService, authority: Authority) -> None:
    assert not service.unlocked
    with authority.ecdsa.key.open("rb") as key:
        command = [sys.executable, "-I", "-c", UNLOCKABLE]
        done = subprocess.run(command, stdin=key, capture_output=True, text=True, check=True)
    refusal, before, after = done.stdout.splitlines()
    assert "RLIMIT_MEMLOCK" in refusal
    assert "unlocked-keys" in refusal
    assert (before, after) == ("False", "True")
