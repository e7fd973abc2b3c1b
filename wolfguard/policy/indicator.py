# SPDX-License-Identifier: GPL-3.0-or-later
"""What a handshake settled, judged by the profile that let it in: approved or not, and why.

The verdict is about algorithms. Whether the module that computed them is a validated one is another question, with its
own answer in the gateway's status; a session is in an approved mode of a validated module only when both say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wolfguard.policy.profile import CryptoProfile

NO_EMS: Final = "keys without the extended master secret (FIPS 140-3 IG D.Q)"


@dataclass(frozen=True, slots=True)
class Indicator:
    """`reasons` are phrases: what is not approved, else what of it no module's certificate covers; else none."""

    approved: bool
    reasons: tuple[str, ...]


def judge(crypto: CryptoProfile, algorithms: tuple[str, ...], *, extended_master_secret: bool) -> Indicator:
    """`algorithms` are IANA's names of suite, group and signature, or fewer; empty ones say nothing. What the profile
    does not name at all is not approved: nobody has said that it is."""
    named = {*crypto.suites_tls13, *crypto.suites_tls12, *crypto.suites_dtls12, *crypto.groups, *crypto.signatures}
    against = [
        f"{name} is not approved" for name in algorithms if name and (name in crypto.not_approved or name not in named)
    ]
    if not extended_master_secret:
        against.append(NO_EMS)
    if against:
        return Indicator(approved=False, reasons=tuple(against))
    beside = tuple(f"{name} is not validated" for name in algorithms if name in crypto.not_validated)
    return Indicator(approved=True, reasons=beside)
