# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys and signatures with them: keyd's face of the native key server.

Key numbers are spaces apart by purpose, and a channel may use numbers of its own purpose only. Owns the words of
refusals. Never holds a private key: descriptors go in, and signatures leave by C threads.
"""

from __future__ import annotations

import os
from typing import Final

from wolfguard import _native
from wolfguard.crypto.errors import ModuleError
from wolfguard.errors import LocalError

TLS_NUMBERS: Final = range(896)
CLIENT_NUMBERS: Final = range(896, 960)  # connections that we open
CHECKPOINT_NUMBER: Final = 960
EVIDENCE_NUMBER: Final = 992


def certificate_public_key(chain: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of the first certificate of a PEM chain, as the module reads it. Raises LocalError."""
    try:
        return _native.certificate_public_key(chain)
    except ValueError as error:
        raise LocalError(str(error)) from None


def verify_p384(spki: bytes, data: bytes, signature: bytes) -> bool:
    """Whether `signature` (DER) is the one of the P-384 key `spki` (DER) over `data`, with SHA-384 (FIPS 186-5). False
    for malformed keys and signatures and for other curves. Raises ModuleError."""
    try:
        return _native.verify_p384(spki, data, signature)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None


class SigningService:
    """Serves each channel in a thread of its own from the moment of `serve`. Call all methods in one thread."""

    def __init__(self, signatures_per_second: int, *, allow_unlocked: bool = False, p384_only: bool = False) -> None:
        """`signatures_per_second` bounds each channel; a second's worth may come at once. `allow_unlocked`: keys are
        taken also where the machine refuses to lock their memory. `p384_only`: only ECDSA with SHA-384 is signed."""
        self._server = _native.KeyServer(signatures_per_second, allow_unlocked, p384_only)

    def load(self, number: int, descriptor: int, chain: bytes) -> None:
        """Takes over `descriptor`, closes it, and puts its private key in the place `number`, in one step and only if
        it belongs to the first certificate of `chain`. Raises LocalError; then the key before stays."""
        try:
            expected = certificate_public_key(chain)
        except LocalError:
            os.close(descriptor)
            raise
        self.load_pair(number, descriptor, expected)

    def load_pair(self, number: int, descriptor: int, spki: bytes) -> None:
        """As `load`, for a key whose public half (DER) is known otherwise."""
        try:
            self._server.load(number, descriptor, spki)
        except ValueError as error:
            raise LocalError(str(error)) from None

    @property
    def unlocked(self) -> bool:
        """Whether memory of any key loaded so far could not be locked."""
        return self._server.unlocked()

    def unload(self, number: int) -> None:
        """Forgets a key; signatures under way are still done with it, then it is wiped."""
        self._server.unload(number)

    def serve_tls(self, descriptor: int) -> None:
        """Takes over a worker's channel; it may use every TLS key. Raises LocalError, having closed the descriptor."""
        self._serve(descriptor, TLS_NUMBERS)

    def serve_client(self, descriptor: int) -> None:
        """Takes over authd's channel; it may use every key of our own certificates as a client, and no server's."""
        self._serve(descriptor, CLIENT_NUMBERS)

    def serve_one(self, descriptor: int, number: int) -> None:
        """Takes over the channel of who may use this key alone."""
        self._serve(descriptor, range(number, number + 1))

    def _serve(self, descriptor: int, numbers: range) -> None:
        try:
            self._server.serve(descriptor, list(numbers))
        except ValueError as error:
            os.close(descriptor)
            raise LocalError(str(error)) from None

    def counters(self) -> dict[str, int]:
        """Counts since the start, by name (sign_server.h)."""
        return self._server.counters()

    def close(self) -> None:
        """Ends all channels and wipes all keys."""
        self._server.close()
