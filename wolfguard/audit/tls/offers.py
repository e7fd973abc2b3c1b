# SPDX-License-Identifier: GPL-3.0-or-later
"""The offers that rules can name: each is everything that a good client would send, but for one thing. Positive ones
say what must work, negative ones what must not."""

from __future__ import annotations

from typing import Final

from wolfguard.audit.tls.hello import SSL30, SUITES, TLS10, TLS11, TLS12, TLS13, Offer

_GCM13: Final = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
_GCM12: Final = tuple(name for name in SUITES if name.startswith("TLS_ECDHE_") and "_GCM_" in name)
_SHA1: Final = ("ecdsa_sha1", "rsa_pkcs1_sha1")
_OLD: Final = tuple(name for name in SUITES if "_CBC_" in name)


def _suites(*parts: str) -> tuple[str, ...]:
    """Those of TLS 1.2 with one of these parts in their name."""
    return tuple(name for name in SUITES if "_WITH_" in name and any(part in name for part in parts))


def _tls13(group: str, *suites: str) -> Offer:
    return Offer(TLS13, suites or _GCM13, groups=(group,), shares=(group,))


OFFERS: Final = {
    # what a client of today sends: whether anybody is there
    "modern": Offer(
        TLS13,
        _GCM13,
        groups=("secp256r1", "secp384r1", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"),
        shares=("secp256r1",),
    ),
    "tls13-p256": _tls13("secp256r1"),
    "tls13-p384": _tls13("secp384r1"),
    "tls13-p256-mlkem768": _tls13("SecP256r1MLKEM768"),
    "tls13-p384-mlkem1024": _tls13("SecP384r1MLKEM1024"),
    "tls13-aes256": _tls13("secp384r1", "TLS_AES_256_GCM_SHA384"),
    "tls13-x25519": _tls13("x25519"),
    "tls13-x25519-mlkem768": _tls13("X25519MLKEM768"),
    "tls13-mlkem768": _tls13("MLKEM768"),
    "tls13-ffdhe": Offer(TLS13, _GCM13, groups=("ffdhe2048", "ffdhe3072")),
    "tls13-chacha20": _tls13("secp256r1", "TLS_CHACHA20_POLY1305_SHA256"),
    "tls13-ccm8": _tls13("secp256r1", "TLS_AES_128_CCM_8_SHA256"),
    "tls13-sha1": Offer(TLS13, _GCM13, groups=("secp256r1",), signatures=_SHA1, shares=("secp256r1",)),
    "tls12": Offer(TLS12, _GCM12),
    "tls12-without-ems": Offer(TLS12, _GCM12, extended_master_secret=False),
    "tls12-chacha20": Offer(TLS12, _suites("CHACHA20")),
    "tls12-cbc": Offer(TLS12, tuple(name for name in _OLD if name.startswith("TLS_ECDHE") and "AES" in name)),
    "tls12-static-rsa": Offer(TLS12, tuple(name for name in SUITES if name.startswith("TLS_RSA_WITH_AES"))),
    "tls12-dhe": Offer(TLS12, _suites("_DHE_RSA_WITH_AES"), groups=("ffdhe2048", "ffdhe3072")),
    "tls12-broken-ciphers": Offer(TLS12, _suites("3DES", "RC4")),
    "tls12-no-encryption": Offer(TLS12, _suites("NULL")),
    "tls12-anonymous": Offer(TLS12, _suites("_anon_")),
    "tls12-psk": Offer(TLS12, _suites("_PSK_")),
    "tls12-sha1": Offer(TLS12, _GCM12, signatures=_SHA1),
    "tls12-x25519": Offer(TLS12, _GCM12, groups=("x25519", "x448")),
    "tls11": Offer(TLS11, _OLD),
    "tls10": Offer(TLS10, _OLD),
    "ssl3": Offer(SSL30, _suites("3DES", "RC4", "_RSA_WITH_AES_128_CBC_SHA")),
}
_PSK_GCM: Final = ("TLS_PSK_WITH_AES_256_GCM_SHA384", "TLS_PSK_WITH_AES_128_GCM_SHA256")
DATAGRAMS: Final = {
    # of a tunnel's client, whose key comes from its TLS connection
    "good": Offer(TLS12, _PSK_GCM),
    "without-ems": Offer(TLS12, _PSK_GCM, extended_master_secret=False),
    "weak": Offer(TLS12, tuple(name for name in _suites("_PSK_") if name not in _PSK_GCM)),
}
SSL2: Final = "ssl2"
"""An offer of its own form."""
