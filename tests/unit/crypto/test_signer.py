# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures for a process with a loop: the real key server, and what there is when it is not there."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from wolfguard.crypto import own_keys
from wolfguard.crypto.digest import digest
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signer import Signer
from wolfguard.crypto.signing import CHECKPOINT_NUMBER, EVIDENCE_NUMBER, SigningService, verify_p384
from wolfguard.errors import PeerError

DATA = b"what is signed"
DIGEST = digest("sha384", DATA)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[SigningService, bytes]]:
    own_keys.make_missing(str(tmp_path))
    spki = from_pem((tmp_path / "checkpoint.pub").read_bytes())
    made = SigningService(3, p384_only=True)
    made.load_pair(CHECKPOINT_NUMBER, os.open(tmp_path / "checkpoint.key", os.O_RDONLY), spki)
    yield made, spki
    made.close()


def joined(service: SigningService, number: int = CHECKPOINT_NUMBER, permitted: int = CHECKPOINT_NUMBER) -> Signer:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.serve_one(theirs.detach(), permitted)
    signer = Signer(number)
    signer.attach(ours.detach())
    return signer


def test_a_signature_is_good_for_this_key_and_data(service: tuple[SigningService, bytes]) -> None:
    keys, spki = service
    signer = joined(keys)

    async def scenario() -> None:
        first, second = await asyncio.gather(signer.sign(DIGEST), signer.sign(DIGEST))
        assert first != second
        assert all(verify_p384(spki, DATA, signature) for signature in (first, second))
        assert not verify_p384(spki, DATA + b".", first)

    asyncio.run(scenario())


def test_more_than_its_rate_is_refused_and_the_channel_lives(service: tuple[SigningService, bytes]) -> None:
    keys, _ = service
    signer = joined(keys)

    async def scenario() -> None:
        answers = [await asyncio.gather(signer.sign(DIGEST), return_exceptions=True) for _ in range(20)]
        errors = [error for (error,) in answers if isinstance(error, PeerError)]
        assert {error.label for error in errors} == {"no_signature"}
        assert keys.counters()["refused_rate"] == len(errors) > 0

    asyncio.run(scenario())


def test_another_number_ends_the_channel(service: tuple[SigningService, bytes]) -> None:
    keys, _ = service
    signer = joined(keys, number=EVIDENCE_NUMBER)

    async def scenario() -> None:
        for text in ("keyd refuses", "keyd is not there"):
            with pytest.raises(PeerError, match=text):
                await signer.sign(DIGEST)
        assert keys.counters()["refused_forbidden"] == 1

    asyncio.run(scenario())


def test_without_a_channel() -> None:
    with pytest.raises(PeerError, match="keyd is not there at present"):
        asyncio.run(Signer(CHECKPOINT_NUMBER).sign(DIGEST))


def test_a_digest_of_another_length_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="48 bytes"):
        asyncio.run(Signer(CHECKPOINT_NUMBER).sign(DIGEST[:32]))
