# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes on a signing channel: the answer is the one of a small model, and keyd lives on."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wolfguard.crypto.authority import make_authority
from wolfguard.crypto.signing import SigningService

HEAD = struct.Struct("=4sIHBBHH")
DIGEST_BYTES = {1: 32, 2: 48, 3: 64}
PREFIX = {
    1: bytes.fromhex("3031300d060960864801650304020105000420"),
    2: bytes.fromhex("3041300d060960864801650304020205000430"),
    3: bytes.fromhex("3051300d060960864801650304020305000440"),
}
OK, MALFORMED, FORBIDDEN, MISMATCH, NO_KEY, FAILED = 0, 1, 2, 3, 5, 6


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    made = make_authority(tmp_path_factory.mktemp("pki"), ["vpn.example.test"])
    running = SigningService(1_000_000)
    for number, issued in enumerate((made.ecdsa, made.rsa)):
        running.load(number, os.open(issued.key, os.O_RDONLY), issued.certificate.read_bytes())
    yield running
    running.close()


def expected(packet: bytes) -> int:
    """What sign_wire.h promises for a packet, told a second time."""
    if not HEAD.size <= len(packet) <= HEAD.size + 96:
        return MALFORMED
    magic, _, key, scheme, hash_number, length, zero = HEAD.unpack_from(packet)
    data = packet[HEAD.size :]
    size = DIGEST_BYTES.get(hash_number)
    if magic != b"RSGW" or zero or length != len(data) or size is None or scheme not in (1, 2, 3):
        return MALFORMED
    if scheme == 3 and (len(data) != 19 + size or not data.startswith(PREFIX[hash_number])):
        return MALFORMED
    if scheme != 3 and len(data) != size:
        return MALFORMED
    if key >= 896:
        return FORBIDDEN
    if key > 1:
        return NO_KEY
    if (key == 0) != (scheme == 1):
        return MISMATCH
    return FAILED if scheme == 1 and not any(data) else OK  # the module signs no digest of zeros with ECDSA


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Mostly sound requests, with one field bent."""
    hash_number = draw(st.sampled_from([1, 2, 3]))
    scheme = draw(st.sampled_from([1, 2, 3]))
    digest = draw(st.binary(min_size=DIGEST_BYTES[hash_number], max_size=DIGEST_BYTES[hash_number]))
    data = PREFIX[hash_number] + digest if scheme == 3 else digest
    packet = bytearray(HEAD.pack(b"RSGW", draw(st.integers(0, 2**32 - 1)), 0, scheme, hash_number, len(data), 0) + data)
    struct.pack_into("=H", packet, 8, draw(st.sampled_from([0, 1, 2, 895, 896, 65535])))
    match draw(st.sampled_from(["sound", "sound", "flip", "cut", "grow"])):
        case "flip":
            packet[draw(st.integers(0, len(packet) - 1))] ^= draw(st.integers(1, 255))
        case "cut":
            del packet[draw(st.integers(1, len(packet) - 1)) :]
        case "grow":
            packet += draw(st.binary(min_size=1, max_size=600))
    return bytes(packet)


@given(packet=st.one_of(requests(), st.binary(min_size=1, max_size=200)))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_packet_gets_the_answer_of_the_model(service: SigningService, packet: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.settimeout(10)
        service.serve_tls(theirs.detach())
        ours.send(packet)
        magic, number, status, length = struct.unpack_from("=4sIHH", ours.recv(1024))
        assert magic == b"ASGW"
        assert status == expected(packet)
        assert (length > 0) == (status == OK)
        if len(packet) >= HEAD.size and len(packet) <= HEAD.size + 96:
            assert number == HEAD.unpack_from(packet)[1]
        if status in (MALFORMED, FORBIDDEN):
            assert ours.recv(10) == b""
