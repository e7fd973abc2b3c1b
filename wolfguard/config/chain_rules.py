# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's certificate chain against the site's crypto profile: keys, signatures, validity, length.

Owns the sentences, each of which names the rule's profile and the way to mend it; the same rules hold for the chains of
servers that we ask, and for keys of those whom we trust. Pure: facts and the time come in.
What is wrong with a chain as such was found by `crypto.certificates`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from wolfguard.config.site import Site
from wolfguard.crypto import certificates
from wolfguard.crypto.certificates import CertificateFacts
from wolfguard.policy.profile import CryptoProfile

EXPIRES_SOON = timedelta(days=14)


def problems(site: Site, chain: Sequence[CertificateFacts]) -> Iterator[str]:
    """What keeps the gateway from starting with this chain, leaf first."""
    crypto = site.crypto
    if len(chain) > crypto.maximum_chain:
        text = f"holds {len(chain)} certificates; {crypto.name} allows {crypto.maximum_chain}, leave out the root"
        yield text
    days = (chain[0].not_after - chain[0].not_before).days
    if days > crypto.maximum_certificate_days:
        limit = f"{crypto.name} allows {crypto.maximum_certificate_days}"
        yield f"is valid for {days} days; {limit}, have it issued for a shorter time"
    for number, facts in enumerate(chain):
        where = "" if number == 0 else f"certificate {number + 1} ({facts.subject}) "
        yield from (where + text for text in _key_problems(crypto, facts))
        # nobody believes a root for its own signature (RFC 5280 section 6.1)
        if number == 0 or not facts.self_issued:
            yield from (where + text for text in _signature_problems(crypto, facts))


def of_authorities(crypto: CryptoProfile, authorities: Sequence[CertificateFacts]) -> Iterator[str]:
    """What keeps certificates from being trusted: their keys. Nobody believes them for their signatures."""
    for number, facts in enumerate(authorities, 1):
        yield from (f"certificate {number} ({facts.subject}) {text}" for text in _key_problems(crypto, facts))


def of_server(
    crypto: CryptoProfile, chain: Sequence[CertificateFacts], trusted: Collection[bytes]
) -> Iterator[tuple[str, str]]:
    """What keeps us from speaking to a server that has shown this chain, its own certificate first: (label, text).
    `trusted` are fingerprints of those that are believed for being trusted. The text has no words of the server's."""
    if not chain or len(chain) > crypto.maximum_chain:
        yield "tls_chain", f"it has {len(chain)} certificates; {crypto.name} allows 1 to {crypto.maximum_chain}"
    for number, facts in enumerate(chain, 1):
        yield from (("tls_weak_key", f"certificate {number} {text}") for text in _key_problems(crypto, facts))
        if facts.fingerprint not in trusted:
            for text in _signature_problems(crypto, facts):
                yield "tls_weak_signature", f"certificate {number} {text}"


def _key_problems(crypto: CryptoProfile, facts: CertificateFacts) -> Iterator[str]:
    name = facts.curve if facts.key_type == "EC" else facts.key_type.lower()
    allowed = ", ".join(crypto.certificate_keys)
    if facts.key_type not in ("EC", "RSA") or not facts.key_bits:
        yield f"has a key of a kind that no profile knows ({name}); use one of {allowed}"
    elif name not in crypto.certificate_keys:
        yield f"has a key of the kind {name}; {crypto.name} allows {allowed}: have it issued for such a key"
    elif facts.key_type == "RSA" and facts.key_bits < crypto.minimum_rsa_bits:
        least = crypto.minimum_rsa_bits
        yield f"has an RSA key of {facts.key_bits} bits; {crypto.name} allows {least} or more: make a longer key"


def _signature_problems(crypto: CryptoProfile, facts: CertificateFacts) -> Iterator[str]:
    if facts.signature not in crypto.certificate_signatures:
        allowed = ", ".join(crypto.certificate_signatures)
        yield f"is signed with {facts.signature}; {crypto.name} allows {allowed}: have it issued again with one of them"


def warnings(site: Site, leaf: CertificateFacts, now: datetime) -> Iterator[str]:
    """What clients will not like, and the gateway starts with."""
    if now > leaf.not_after:
        yield f"expired on {leaf.not_after:%Y-%m-%d}; clients will refuse it, renew it"
    elif now > leaf.not_after - EXPIRES_SOON:
        yield f"expires on {leaf.not_after:%Y-%m-%d}; renew it"
    if now < leaf.not_before:
        yield f"is valid only from {leaf.not_before:%Y-%m-%d %H:%M} UTC; look at this machine's clock"
    for name in site.server_names:
        if not certificates.covers(leaf, name):
            yield f"is not for {name}, which server_names has; clients that ask for it will refuse it"
