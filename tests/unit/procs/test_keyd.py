# SPDX-License-Identifier: GPL-3.0-or-later
"""keyd as its frame calls it: keys at the start, channels, renewal, and refusals that leave everything as it was."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from wolfguard.config.site import Certificate, Configuration, Confinement, Listener, OwnKeys, Site
from wolfguard.crypto import own_keys
from wolfguard.crypto.authority import Authority, Issued, make_authority
from wolfguard.errors import StartError
from wolfguard.policy.load import load_profile
from wolfguard.procs.child import Started
from wolfguard.procs.keyd import Keyd, numbered_certificates
from wolfguard.sandbox import weakening

OK, FORBIDDEN, MISMATCH, NO_KEY = 0, 2, 3, 5
SHA256, SHA384 = 1, 2


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki"), ["vpn.example.test"])


@pytest.fixture
def keyd() -> Iterator[Keyd]:
    made = Keyd()
    made.stopping = asyncio.Event()
    yield made
    asyncio.run(made.stop(False))


def certificate(issued: Issued, number: int) -> Certificate:
    return Certificate(str(issued.certificate), str(issued.key), number, issued.certificate.read_text())


def started(*certificates: Certificate, keys: list[Issued] | None = None, generation: int = 1) -> Started:
    site = Site(name="default", certificates=certificates, crypto=load_profile("fips-strict"))
    ordered = sorted(certificates, key=lambda each: each.number)
    files = [each.key for each in ordered] if keys is None else [str(each.key) for each in keys]
    descriptors = {"key": [os.open(file, os.O_RDONLY | os.O_CLOEXEC) for file in files]}
    return Started(0, 1, generation, Configuration((Listener(),), (site,)), descriptors)


def attach(keyd: Keyd, peer: str = "worker") -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(10)
    asyncio.run(keyd.attached_raw(peer, 0, 0, theirs.detach()))
    return ours


def ask(channel: socket.socket, key: int) -> int:
    """Status of an ECDSA request with key number `key`."""
    channel.send(struct.pack("=4sIHBBHH", b"RSGW", 1, key, 1, 1, 32, 0) + bytes(range(32)))
    status: int = struct.unpack_from("=4sIHH", channel.recv(1024))[2]
    return status


def test_keys_come_in_the_order_of_their_numbers(keyd: Keyd, pki: Authority) -> None:
    asyncio.run(keyd.prepare(started(certificate(pki.rsa, 8), certificate(pki.ecdsa, 3))))
    with attach(keyd) as channel:
        assert [ask(channel, number) for number in (3, 8, 0)] == [OK, MISMATCH, NO_KEY]


def test_a_key_that_does_not_fit_its_certificate_ends_the_start(keyd: Keyd, pki: Authority) -> None:
    start = started(certificate(pki.ecdsa, 0), keys=[pki.rsa])
    with pytest.raises(StartError, match=r"server-ecdsa\.key for certificate .*server-ecdsa\.pem.*public keys differ"):
        asyncio.run(keyd.prepare(start))


def test_facts_say_that_the_keys_are_locked(keyd: Keyd, pki: Authority) -> None:
    start = started(certificate(pki.ecdsa, 0))
    confinement = Confinement((weakening.UNLOCKED_KEYS,))
    allowed = dataclasses.replace(
        start, configuration=dataclasses.replace(start.configuration, confinement=confinement)
    )
    asyncio.run(keyd.prepare(allowed))
    assert keyd.facts() == ((weakening.KEY_MEMORY, weakening.KEY_MEMORY_LOCKED),)


def test_renewal_keeps_channels_and_the_keys_of_the_configuration_before(
    keyd: Keyd, pki: Authority, tmp_path: Path
) -> None:
    renewed = make_authority(tmp_path, ["vpn.example.test"])
    asyncio.run(keyd.prepare(started(certificate(pki.ecdsa, 0))))
    with attach(keyd) as channel:
        assert asyncio.run(keyd.reconfigure(started(certificate(renewed.ecdsa, 512), generation=2))) == ()
        assert [ask(channel, number) for number in (0, 512)] == [OK, OK]
        asyncio.run(keyd.reconfigure(started(certificate(pki.ecdsa, 1), generation=3)))
        assert [ask(channel, number) for number in (0, 512, 1)] == [NO_KEY, OK, OK]


def test_a_refused_renewal_replaces_nothing(keyd: Keyd, pki: Authority, tmp_path: Path) -> None:
    renewed = make_authority(tmp_path, ["vpn.example.test"])
    asyncio.run(keyd.prepare(started(certificate(pki.ecdsa, 0), certificate(pki.rsa, 1))))
    with attach(keyd) as channel:
        wrong = started(certificate(renewed.rsa, 0), certificate(renewed.ecdsa, 1), keys=[renewed.rsa, pki.ecdsa])
        with pytest.raises(StartError, match="public keys differ"):
            asyncio.run(keyd.reconfigure(wrong))
        assert [ask(channel, number) for number in (0, 1)] == [OK, MISMATCH]


def test_descriptors_never_leak(keyd: Keyd, pki: Authority) -> None:
    asyncio.run(keyd.prepare(started(certificate(pki.ecdsa, 0))))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        asyncio.run(keyd.reconfigure(started(certificate(pki.ecdsa, 0))))
        with pytest.raises(StartError, match="2 private keys came for 1 certificates"):
            asyncio.run(keyd.reconfigure(started(certificate(pki.ecdsa, 0), keys=[pki.ecdsa, pki.rsa])))
        wrong = started(certificate(pki.ecdsa, 0), certificate(pki.rsa, 1), keys=[pki.rsa, pki.ecdsa])
        with pytest.raises(StartError, match="public keys differ"):
            asyncio.run(keyd.reconfigure(wrong))
    assert len(os.listdir("/proc/self/fd")) == before


def with_own_keys(start: Started, folder: Path) -> Started:
    own_keys.make_missing(str(folder))
    public = OwnKeys(*(own_keys.read_public(str(folder), name) for name in ("checkpoint", "evidence")))
    opened = [os.open(folder / f"{name}.key", os.O_RDONLY | os.O_CLOEXEC) for name in ("checkpoint", "evidence")]
    configuration = dataclasses.replace(
        start.configuration, own_keys=public, paths=dataclasses.replace(start.configuration.paths, keys=str(folder))
    )
    return dataclasses.replace(start, configuration=configuration, descriptors={**start.descriptors, "own": opened})


def ask_own(channel: socket.socket, key: int, kind: int = SHA384) -> int:
    length = {SHA256: 32, SHA384: 48}[kind]
    channel.send(struct.pack("=4sIHBBHH", b"RSGW", 1, key, 1, kind, length, 0) + bytes(range(length)))
    status: int = struct.unpack_from("=4sIHH", channel.recv(1024))[2]
    return status


def test_each_own_key_has_one_caller(keyd: Keyd, pki: Authority, tmp_path: Path) -> None:
    asyncio.run(keyd.prepare(with_own_keys(started(certificate(pki.ecdsa, 0)), tmp_path)))
    own = {"sessiond": 960, "mgmtd": 992}
    for peer, number in own.items():
        with attach(keyd, peer) as channel:
            assert ask_own(channel, number) == OK
    for peer in (*own, "worker", "authd"):
        for number in (0, 896, *own.values()):
            with attach(keyd, peer) as channel:
                permitted = own.get(peer) == number or (peer, number) in (("worker", 0), ("authd", 896))
                assert (ask_own(channel, number) == FORBIDDEN) == (not permitted)


def test_own_keys_sign_digests_of_one_form(keyd: Keyd, pki: Authority, tmp_path: Path) -> None:
    asyncio.run(keyd.prepare(with_own_keys(started(certificate(pki.ecdsa, 0)), tmp_path)))
    with attach(keyd, "sessiond") as channel:
        assert ask_own(channel, 960, SHA256) == FORBIDDEN
        assert channel.recv(10) == b""


def test_an_own_key_that_is_not_of_its_public_half(keyd: Keyd, pki: Authority, tmp_path: Path) -> None:
    start = with_own_keys(started(certificate(pki.ecdsa, 0)), tmp_path)
    start.descriptors["own"].reverse()
    with pytest.raises(StartError, match=r"checkpoint\.key for .*checkpoint\.pub: .*public keys differ"):
        asyncio.run(keyd.prepare(start))


def test_who_has_no_key_gets_no_signature(keyd: Keyd, pki: Authority, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(keyd.prepare(started(certificate(pki.ecdsa, 0))))
    with attach(keyd, "sessiond") as channel:
        assert channel.recv(10) == b""
    assert "sign_channel_refused" in caplog.text


def test_refusals_are_logged(keyd: Keyd, pki: Authority, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asyncio.run(keyd.prepare(started(certificate(pki.ecdsa, 0))))

    async def life() -> None:
        keyd.stopping = asyncio.Event()
        serving = asyncio.create_task(keyd.serve())
        await asyncio.sleep(0)
        with attach_within(keyd) as channel:
            channel.send(b"nonsense")
            channel.recv(1024)
        keyd.stopping.set()
        await serving

    asyncio.run(life())
    assert "signatures_refused refused_malformed=1" in caplog.text


def attach_within(keyd: Keyd) -> socket.socket:
    """As `attach`, inside a running loop: nothing in the way of a channel waits."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(10)
    with pytest.raises(StopIteration):
        keyd.attached_raw("worker", 0, 0, theirs.detach()).send(None)
    return ours


def test_numbers_must_differ_and_fit(pki: Authority) -> None:
    same = Configuration(
        (),
        (
            Site(
                name="a",
                certificates=(certificate(pki.ecdsa, 5), certificate(pki.rsa, 5)),
                crypto=load_profile("fips-strict"),
            ),
        ),
    )
    with pytest.raises(StartError, match="different numbers"):
        numbered_certificates(same)
    beyond = Configuration(
        (), (Site(name="a", certificates=(certificate(pki.ecdsa, 896),), crypto=load_profile("fips-strict")),)
    )
    with pytest.raises(StartError, match="from 0 to 895"):
        numbered_certificates(beyond)
