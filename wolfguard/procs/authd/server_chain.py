# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a server that we ask, held to the crypto profile of the backend before anything is said to it.

That they come from whom we trust, and the name, was checked in the handshake; the library takes weak keys and SHA-1 in
the middle of a chain for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wolfguard.config import chain_rules
from wolfguard.crypto import certificates
from wolfguard.crypto.errors import CertificateError
from wolfguard.errors import PeerError
from wolfguard.policy.profile import CryptoProfile


def judge(crypto: CryptoProfile, authorities: bytes) -> Callable[[Sequence[bytes]], None]:
    """A judge of chains (DER, the server's own certificate first), who raises PeerError with the first rule broken.
    `authorities` (PEM) are trusted whatever they are signed with. Raises CertificateError."""
    trusted = frozenset(facts.fingerprint for facts in certificates.read_authorities(authorities))

    def of(sent: Sequence[bytes]) -> None:
        try:
            chain = certificates.read_sent(sent)
        except CertificateError as error:
            raise PeerError("tls_chain", str(error)) from None
        for label, text in chain_rules.of_server(crypto, chain, trusted):
            raise PeerError(label, text)

    return of
