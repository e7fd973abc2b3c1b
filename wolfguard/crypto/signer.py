# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures from keyd for a process that waits for them in its loop. Never holds a key; knows one number of one."""

from __future__ import annotations

import asyncio

# The executor's own module is imported late by concurrent.futures, and a confined process could not any more.
from concurrent.futures.thread import ThreadPoolExecutor

from wolfguard import _native
from wolfguard.errors import PeerError


class Signer:
    """Our end of a channel to keyd that signs with one key. Calls wait for each other: keyd answers one at a time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._channel = _native.SignChannel()
        self._thread = ThreadPoolExecutor(1, "signatures")

    def attach(self, descriptor: int) -> None:
        """Takes over the descriptor of a channel; the one before is closed."""
        self._channel.set(descriptor)

    async def sign(self, digest: bytes) -> bytes:
        """The ECDSA signature (DER) over a digest of SHA-384, made while the loop goes on. Raises PeerError with the
        label "no_signature" when there is none within some seconds."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._channel.sign_p384, self._number, digest)
        except ConnectionError as error:
            raise PeerError("no_signature", str(error)) from None
