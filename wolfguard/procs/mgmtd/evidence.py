# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's evidence key, as callers see it: a digest in, a signature with the public key out.

What is signed is the SHA-384 digest of a DSSE pre-authentication encoding (secure-systems-lab/dsse, protocol.md):
PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body. Neither mgmtd nor keyd sees behind the digest; who asked for
it, and what for, is in the records. Owns the form of the answer. The private key is keyd's.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from wolfguard.crypto.digest import sha256
from wolfguard.crypto.public_key import from_pem
from wolfguard.crypto.signer import Signer
from wolfguard.crypto.signing import EVIDENCE_NUMBER
from wolfguard.errors import PeerError
from wolfguard.ipc.errors import IpcError

ALGORITHM: Final = "ecdsa-p384-sha384"
_DIGEST: Final = re.compile(r"[0-9a-f]{96}\Z")


def read_digest(text: str) -> bytes:
    """48 bytes. Raises IpcError "invalid"."""
    if not _DIGEST.match(text):
        raise IpcError("invalid", "digest must be SHA-384 as 96 lower-case hexadecimal digits")
    return bytes.fromhex(text)


class EvidenceKey:
    """`public` is the key's public half (PEM), "" where the gateway has none."""

    def __init__(self, public: str) -> None:
        self._public = public
        self._fingerprint = sha256(from_pem(public.encode())).hex() if public else ""
        self._signer = Signer(EVIDENCE_NUMBER)

    def attach(self, descriptor: int) -> None:
        """Takes over the channel to keyd."""
        self._signer.attach(descriptor)

    def require(self) -> None:
        """Raises IpcError "missing" where there is no key."""
        if not self._public:
            raise IpcError("missing", "this gateway has no evidence key; paths.keys of the site file says where")

    async def sign(self, digest: bytes) -> dict[str, Any]:
        """Raises IpcError "busy": keyd is away, or has signed enough for the moment."""
        try:
            signature = await self._signer.sign(digest)
        except PeerError as error:
            raise IpcError("busy", f"{error.detail}; try again in a second") from None
        return {
            "algorithm": ALGORITHM,
            "signature": base64.b64encode(signature).decode("ascii"),
            "keyid": self._fingerprint,
            "public_key": self._public,
        }
