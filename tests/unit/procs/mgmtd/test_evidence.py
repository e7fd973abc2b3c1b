# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing evidence over the management socket: the record first, then a signature that anybody can verify."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.procs.mgmtd.evidence_key import served
from tests.unit.procs.mgmtd.peers_fakes import gateway, run
from wolfguard.crypto.digest import digest, sha256
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signing import verify_p384
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.management import NoteEvidence
from wolfguard.ipc.messages import Done
from wolfguard.procs.mgmtd.evidence import EvidenceKey, read_digest

PAE = b"DSSEv1 28 application/vnd.in-toto+json 2 {}"
DIGEST = digest("sha384", PAE)


@pytest.fixture
def key(tmp_path: Path) -> Iterator[EvidenceKey]:
    """An evidence key with a real key server behind."""
    with served(tmp_path) as made:
        yield made


def test_a_signature_for_an_auditor(tmp_path: Path, key: EvidenceKey, caller_is: Any) -> None:
    async def scenario() -> None:
        async with gateway(tmp_path / "run", caller_is(1001, 901), evidence=key) as site:
            site.sessiond.answers[NoteEvidence] = Done()
            caller = await site.connect()
            body = {"digest": DIGEST.hex(), "subject": "audit of gw1"}
            status, answer = await caller.ask("POST", "/v1/evidence/sign", body)
            assert status == 200, answer
            spki = from_pem(answer["public_key"].encode())
            assert answer["keyid"] == sha256(spki).hex()
            assert verify_p384(spki, PAE, base64.b64decode(answer["signature"]))
            (noted,) = [message for message in site.sessiond.asked if isinstance(message, NoteEvidence)]
            assert (noted.digest, noted.subject, noted.actor.role) == (DIGEST.hex(), "audit of gw1", "auditor")
            caller.close()

    (tmp_path / "run").mkdir()
    run(scenario)


def test_nothing_is_signed_without_a_record(tmp_path: Path, key: EvidenceKey, caller_is: Any) -> None:
    async def scenario() -> None:
        async with gateway(tmp_path / "run", caller_is(1001, 901), evidence=key) as site:
            site.sessiond.answers[NoteEvidence] = IpcError("store", "Done, but not stored yet: disk full")
            caller = await site.connect()
            body = {"digest": DIGEST.hex(), "subject": "audit"}
            status, answer = await caller.ask("POST", "/v1/evidence/sign", body)
            assert (status, answer["error"]["code"]) == (503, "store")
            assert "signature" not in answer
            caller.close()

    (tmp_path / "run").mkdir()
    run(scenario)


def test_a_gateway_without_a_key(tmp_path: Path, caller_is: Any) -> None:
    async def scenario() -> None:
        async with gateway(tmp_path, caller_is(0)) as site:
            caller = await site.connect()
            body = {"digest": DIGEST.hex(), "subject": "audit"}
            status, answer = await caller.ask("POST", "/v1/evidence/sign", body)
            assert (status, answer["error"]["code"]) == (404, "missing")
            assert not [message for message in site.sessiond.asked if isinstance(message, NoteEvidence)]
            caller.close()

    run(scenario)


@pytest.mark.parametrize("text", ["", "00" * 32, "0" * 95, "G" * 96, DIGEST.hex().upper(), DIGEST.hex() + "\n"])
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(IpcError, match="SHA-384"):
        read_digest(text)
