# SPDX-License-Identifier: GPL-3.0-or-later
"""keyd's signatures over checkpoints, as sessiond asks for them."""

from __future__ import annotations

from wolfguard.crypto.digest import digest, sha256
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signer import Signer
from wolfguard.crypto.signing import CHECKPOINT_NUMBER


class KeydNotary:
    """`public` is the public half (PEM) of the key of checkpoints; see `records.notary`."""

    def __init__(self, public: str) -> None:
        self.key = sha256(from_pem(public.encode())).hex()
        self._signer = Signer(CHECKPOINT_NUMBER)
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready

    def attach(self, descriptor: int) -> None:
        self._signer.attach(descriptor)
        self._ready = True

    async def sign(self, data: bytes) -> bytes:
        return await self._signer.sign(digest("sha384", data))
