# SPDX-License-Identifier: GPL-3.0-or-later
"""Trails for tests: real records and checkpoints, signed by a key of P-384 that another library holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wolfguard.records import checkpoint
from wolfguard.records.checkpoint import Statement
from wolfguard.records.record import GENESIS, canonical, make, timestamp
from wolfguard.records.verifier import Report, Verifier

_SHA384 = ec.ECDSA(hashes.SHA384())


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Key:
    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP384R1())
        public = self._private.public_key()
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hex()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data, _SHA384)

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            self._private.public_key().verify(signature, data, _SHA384)
        except InvalidSignature:
            return False
        return True


class Maker:
    """Makes a trail record by record. `texts` is what came out."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.texts: list[str] = []
        self.hashes = [GENESIS]
        self.upto = 0
        self.before = checkpoint.FIRST

    def event(self, count: int = 1, **changes: Any) -> Maker:
        for _ in range(count):
            self._add("worker.lost", "failure", {"slot": len(self.texts) % 7, "count": 1}, **changes)
        return self

    def checkpoint(self, key: Key | None = None, **changes: Any) -> Maker:
        """A checkpoint of all so far; `changes` make it say something else, well signed."""
        signer = key or self.key
        upto = len(self.texts)
        statement = Statement(
            upto, self.hashes[upto], upto - self.upto, timestamp(upto), "", self.before, 0, signer.fingerprint
        )
        statement = replace(statement, **changes)
        fields = checkpoint.to_fields(statement, signer.sign(statement.signed()))
        self._add(checkpoint.EVENT, "success", fields)
        self.upto, self.before = upto, digest(statement.signed()).hex()
        return self

    def _add(self, name: str, outcome: str, fields: Any, **changes: Any) -> None:
        number = len(self.texts) + 1
        record = make(digest, number, self.hashes[-1], 1_000_000.0 + number, name, outcome, fields=fields, **changes)
        self.texts.append(record.text)
        self.hashes.append(record.hash)


def a_trail(key: Key) -> list[str]:
    """30 records: checkpoints are those with the numbers 11, 21 and 30."""
    return Maker(key).event(10).checkpoint().event(9).checkpoint().event(8).checkpoint().texts


def written_anew(texts: list[str], at: int, **changes: Any) -> list[str]:
    """What somebody makes of a trail who computes all hashes again after a change of the record with number `at`."""
    made: list[str] = []
    previous = GENESIS
    for number, text in enumerate(texts, 1):
        body = json.loads(text)
        del body["hash"]
        body["previous"] = previous
        if number == at:
            body.update(changes)
        previous = digest(canonical(body).encode()).hex()
        made.append(canonical({**body, "hash": previous}))
    return made


def verified(key: Key, texts: list[str], anchors: dict[int, str] | None = None) -> Report:
    verifier = Verifier(digest, {key.fingerprint: key.verify}, anchors)
    for text in texts:
        verifier.take(text)
    return verifier.finish()


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts))
    return path
