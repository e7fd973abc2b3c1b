# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs checkpoints, as the trail's keeper sees it."""

from __future__ import annotations

from typing import Protocol


class Notary(Protocol):
    """`key` is the fingerprint of its public key: SHA-256 of the SubjectPublicKeyInfo, in hexadecimal."""

    key: str

    @property
    def ready(self) -> bool:
        """Whether there has been a way to the key yet."""

    def attach(self, descriptor: int) -> None:
        """Takes over a channel to the key."""

    async def sign(self, data: bytes) -> bytes:
        """The signature (DER) over `data`; raises PeerError when there is none within some seconds."""
