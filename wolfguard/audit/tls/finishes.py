# SPDX-License-Identifier: GPL-3.0-or-later
"""Offers with which a handshake is finished, by name: what a library of ours can compute, one thing at a time.

A server can choose nothing but what was offered, so an offer of one group that is finished was finished with it.
"""

from __future__ import annotations

from typing import Final

from wolfguard.audit.tls.hello import APPROVED_SIGNATURES, SUITES
from wolfguard.crypto.witness import WitnessSettings

_TLS13: Final = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
_TLS12: Final = tuple(name for name in SUITES if name.startswith("TLS_ECDHE_") and "_GCM_" in name)
_CURVES: Final = ("secp256r1", "secp384r1")
_HYBRIDS: Final = ("SecP256r1MLKEM768", "SecP384r1MLKEM1024")


def _tls13(*groups: str) -> WitnessSettings:
    return WitnessSettings("1.3", _TLS13, groups, APPROVED_SIGNATURES)


FINISHES: Final = {
    # what a client of today sends; it asks again with another key share where the server wants one
    "modern": _tls13(*_CURVES, *_HYBRIDS),
    # the same of a libwolfssl without ML-KEM
    "tls13-curves": _tls13(*_CURVES),
    "tls13-p256-mlkem768": _tls13("SecP256r1MLKEM768"),
    "tls13-p384-mlkem1024": _tls13("SecP384r1MLKEM1024"),
    "tls12": WitnessSettings("1.2", _TLS12, _CURVES, APPROVED_SIGNATURES),
}
ANY: Final = ("modern", "tls13-curves", "tls12")
"""For who wants a connection and does not mind which: the first that this library can offer and the server takes."""
