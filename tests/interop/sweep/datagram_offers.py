# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients are made to offer over DTLS with the key of their tunnel, and what a profile says must come of it.

As `offers`: written from the profile and the standards alone. A refusal is an alert, by its number (RFC 5246 section
7.2): a client that hears nothing waits for twelve seconds before it goes on over TLS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from wolfguard.policy.profile import CryptoProfile

SUITES: Final = {
    "TLS_PSK_WITH_AES_256_GCM_SHA384": 0x00A9,
    "TLS_PSK_WITH_AES_128_GCM_SHA256": 0x00A8,
    "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256": 0xCCAB,
    "TLS_PSK_WITH_AES_128_CCM": 0xC0A4,
    "TLS_PSK_WITH_AES_256_CCM_8": 0xC0A9,
    "TLS_PSK_WITH_AES_128_CBC_SHA256": 0x00AE,
    "TLS_PSK_WITH_AES_256_CBC_SHA": 0x008D,
    "TLS_PSK_WITH_NULL_SHA256": 0x00B0,
    "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384": 0x00AB,
    "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384": 0x00AD,
    "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256": 0xC037,
    "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256": 0xCCAC,
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
}
VERSIONS: Final = ("1.2", "1.0")
HANDSHAKE_FAILURE, PROTOCOL_VERSION, INSUFFICIENT_SECURITY = 40, 70, 71


@dataclass(frozen=True, slots=True)
class DatagramOffer:
    """One client's whole offer; names are IANA's."""

    version: str
    suites: tuple[str, ...]
    extended_master_secret: bool = True


@dataclass(frozen=True, slots=True)
class DatagramOutcome:
    """`suite` of a handshake that succeeded, else the number of the alert that came; neither: silence."""

    suite: str = ""
    extended_master_secret: bool = False
    alert: int = 0


def datagram_offers(profile: CryptoProfile) -> Iterator[DatagramOffer]:
    """Each axis by itself, from an offer that holds all suites; those of the profile also without the extension."""
    for version in VERSIONS:
        yield DatagramOffer(version, tuple(SUITES))
    whole = DatagramOffer("1.2", tuple(SUITES))
    yield replace(whole, extended_master_secret=False)
    yield replace(whole, suites=tuple(name for name in SUITES if name not in profile.suites_dtls12))
    yield from (replace(whole, suites=(name,)) for name in SUITES)
    yield from (DatagramOffer("1.2", (name,), extended_master_secret=False) for name in profile.suites_dtls12)


def outcome(profile: CryptoProfile, offer: DatagramOffer) -> DatagramOutcome:
    """What must come of it. The server's order decides among suites."""
    if offer.version != "1.2":
        return DatagramOutcome(alert=PROTOCOL_VERSION)
    common = [name for name in profile.suites_dtls12 if name in offer.suites]
    if not common:
        return DatagramOutcome(alert=HANDSHAKE_FAILURE)
    if profile.require_extended_master_secret_dtls and not offer.extended_master_secret:
        return DatagramOutcome(alert=INSUFFICIENT_SECURITY)
    return DatagramOutcome(common[0], offer.extended_master_secret)
