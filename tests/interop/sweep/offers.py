# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients are made to offer, and what a profile says must come of it: the table of the sweep.

Owns the walk along each axis (versions, suites, groups, signatures, the extended master secret) and the verdict,
written from the profile and the standards alone: it shares no line with the gateway's negotiation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wolfguard.policy.profile import CryptoProfile

# The field's common suites, groups and signatures beside those of any profile; libraries lack some, and say so.
SUITES_TLS13 = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
SUITES_TLS12 = (
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
)
GROUPS = (
    "secp256r1", "secp384r1", "secp521r1", "x25519", "x448", "ffdhe2048", "ffdhe3072", "brainpoolP256r1tls13",
    "MLKEM512", "MLKEM768", "MLKEM1024", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X25519MLKEM768",
)  # fmt: skip
TLS13_ONLY = tuple(name for name in GROUPS if "MLKEM" in name or "tls13" in name)
SIGNATURES = (
    "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ed25519",
    "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
    "ecdsa_sha1", "rsa_pkcs1_sha1",
)  # fmt: skip
VERSIONS = ("1.3", "1.2", "1.1", "1.0")


@dataclass(frozen=True, slots=True)
class Offer:
    """One client's whole offer; names are IANA's."""

    version: str
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    signatures: tuple[str, ...]
    extended_master_secret: bool = True


@dataclass(frozen=True, slots=True)
class Settled:
    """What a client says of a handshake that succeeded; empty where its library does not tell."""

    version: str
    suite: str
    group: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate of the site: "EC" or "RSA", and the size of its key."""

    kind: str
    bits: int


def offers(profile: CryptoProfile, *, thorough: bool) -> Iterator[Offer]:
    """Each axis by itself, from an offer that holds whatever the profile has and much besides. What the profile lacks
    is offered all together, and if `thorough` one by one too."""
    own = {*profile.suites_tls13, *profile.suites_tls12, *profile.groups, *profile.signatures}
    for version in VERSIONS:
        suites = SUITES_TLS13 if version == "1.3" else SUITES_TLS12
        groups = tuple(name for name in GROUPS if version == "1.3" or name not in TLS13_ONLY)
        whole = Offer(version, suites, groups, SIGNATURES)
        yield whole
        if version not in ("1.3", "1.2"):
            continue
        yield from (replace(whole, suites=(suite,)) for suite in suites if thorough or suite in own)
        yield from (replace(whole, groups=(group,)) for group in groups if thorough or group in own)
        yield from (replace(whole, signatures=(signature,)) for signature in SIGNATURES if thorough or signature in own)
        yield replace(whole, suites=tuple(suite for suite in suites if suite not in own))
        yield replace(whole, groups=tuple(group for group in groups if group not in own))
        yield replace(whole, signatures=tuple(each for each in SIGNATURES if each not in own))
        if version == "1.2":
            yield replace(whole, extended_master_secret=False)


def permitted(profile: CryptoProfile, leaves: Sequence[Leaf], offer: Offer) -> bool:
    """Whether this handshake must succeed; otherwise it must fail."""
    if offer.version not in profile.versions:
        return False
    tls13 = offer.version == "1.3"
    if not tls13 and profile.require_extended_master_secret and not offer.extended_master_secret:
        return False
    groups = [group for group in offer.groups if group in profile.groups and (tls13 or group not in TLS13_ONLY)]
    if profile.require_hybrid:
        groups = [group for group in groups if "MLKEM" in group]
    suites = [suite for suite in offer.suites if suite in (profile.suites_tls13 if tls13 else profile.suites_tls12)]
    signatures = [each for each in offer.signatures if each in profile.signatures]
    return bool(groups) and any(
        _signs(leaf, signature, tls13=tls13)
        and (tls13 or leaf.kind == "RSA" or f"secp{leaf.bits}r1" in offer.groups)  # RFC 8422 section 5.3
        and any(_fits(leaf, suite, tls13=tls13) for suite in suites)
        for leaf in leaves
        for signature in signatures
    )


def allowed(profile: CryptoProfile, offer: Offer, settled: Settled) -> bool:
    """Whether what was settled is in both the offer and the profile."""
    suites = profile.suites_tls13 if offer.version == "1.3" else profile.suites_tls12
    return (
        settled.version == offer.version
        and settled.suite in offer.suites
        and settled.suite in suites
        and (not settled.group or (settled.group in offer.groups and settled.group in profile.groups))
        and (not settled.signature or settled.signature in profile.signatures)
    )


def _signs(leaf: Leaf, signature: str, *, tls13: bool) -> bool:
    """RFC 8446 section 4.2.3: in TLS 1.3 an ECDSA scheme names its curve, and PKCS #1 signs no handshake."""
    if signature.startswith("ecdsa_"):
        return leaf.kind == "EC" and (not tls13 or f"secp{leaf.bits}r1" in signature)
    return leaf.kind == "RSA" and not (tls13 and signature.startswith("rsa_pkcs1"))


def _fits(leaf: Leaf, suite: str, *, tls13: bool) -> bool:
    return tls13 or f"_{'ECDSA' if leaf.kind == 'EC' else 'RSA'}_WITH" in suite
