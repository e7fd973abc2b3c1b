# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientHello messages as bytes (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6347 for DTLS).

Key shares are constants of the right form: base points of the curves, and ML-KEM keys whose coefficients are all zero.
A server computes with them and answers; nobody goes on from there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

SSL30, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
DTLS12: Final = 0xFEFD
VERSION_NAMES: Final = {SSL30: "ssl3", TLS10: "1.0", TLS11: "1.1", TLS12: "1.2", TLS13: "1.3", DTLS12: "dtls 1.2"}

SUITES: Final = {
    "TLS_AES_128_GCM_SHA256": 0x1301,
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
    "TLS_AES_128_CCM_SHA256": 0x1304,
    "TLS_AES_128_CCM_8_SHA256": 0x1305,
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": 0xC02B,
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xC02F,
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xC030,
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA9,
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA8,
    "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCAA,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": 0xC009,
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": 0xC00A,
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": 0xC013,
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": 0xC014,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": 0xC023,
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384": 0xC024,
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": 0xC027,
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384": 0xC028,
    "TLS_RSA_WITH_AES_128_GCM_SHA256": 0x009C,
    "TLS_RSA_WITH_AES_256_GCM_SHA384": 0x009D,
    "TLS_RSA_WITH_AES_128_CBC_SHA": 0x002F,
    "TLS_RSA_WITH_AES_256_CBC_SHA": 0x0035,
    "TLS_RSA_WITH_AES_128_CBC_SHA256": 0x003C,
    "TLS_RSA_WITH_AES_256_CBC_SHA256": 0x003D,
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256": 0x009E,
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384": 0x009F,
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA": 0x000A,
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA": 0xC012,
    "TLS_RSA_WITH_RC4_128_SHA": 0x0005,
    "TLS_RSA_WITH_RC4_128_MD5": 0x0004,
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA": 0xC011,
    "TLS_RSA_WITH_NULL_SHA": 0x0002,
    "TLS_RSA_WITH_NULL_SHA256": 0x003B,
    "TLS_ECDHE_ECDSA_WITH_NULL_SHA": 0xC006,
    "TLS_ECDHE_RSA_WITH_NULL_SHA": 0xC010,
    "TLS_ECDH_anon_WITH_AES_256_CBC_SHA": 0xC019,
    "TLS_DH_anon_WITH_AES_128_GCM_SHA256": 0x00A6,
    "TLS_PSK_WITH_AES_256_GCM_SHA384": 0x00A9,
    "TLS_PSK_WITH_AES_128_GCM_SHA256": 0x00A8,
    "TLS_PSK_WITH_AES_256_CBC_SHA": 0x008D,
    "TLS_PSK_WITH_AES_128_CBC_SHA": 0x008C,
    "TLS_PSK_WITH_3DES_EDE_CBC_SHA": 0x008B,
    "TLS_PSK_WITH_NULL_SHA256": 0x00B0,
    "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256": 0xCCAB,
}
GROUPS: Final = {
    "secp256r1": 23, "secp384r1": 24, "secp521r1": 25, "x25519": 29, "x448": 30, "ffdhe2048": 256, "ffdhe3072": 257,
    "MLKEM512": 512, "MLKEM768": 513, "MLKEM1024": 514, "SecP256r1MLKEM768": 4587, "X25519MLKEM768": 4588,
    "SecP384r1MLKEM1024": 4589,
}  # fmt: skip
SIGNATURES: Final = {
    "rsa_pkcs1_sha1": 0x0201, "ecdsa_sha1": 0x0203, "rsa_pkcs1_sha256": 0x0401, "rsa_pkcs1_sha384": 0x0501,
    "rsa_pkcs1_sha512": 0x0601, "ecdsa_secp256r1_sha256": 0x0403, "ecdsa_secp384r1_sha384": 0x0503,
    "ecdsa_secp521r1_sha512": 0x0603, "rsa_pss_rsae_sha256": 0x0804, "rsa_pss_rsae_sha384": 0x0805,
    "rsa_pss_rsae_sha512": 0x0806,
}  # fmt: skip
APPROVED_SIGNATURES: Final = tuple(name for name in SIGNATURES if not name.endswith("sha1"))

_P256: Final = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_P384: Final = bytes.fromhex(
    "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
)
_X25519: Final = b"\x09" + bytes(31)
_MLKEM768: Final = bytes(1184)
_MLKEM1024: Final = bytes(1568)
SHARES: Final = {
    "secp256r1": _P256,
    "secp384r1": _P384,
    "x25519": _X25519,
    "SecP256r1MLKEM768": _P256 + _MLKEM768,
    "SecP384r1MLKEM1024": _P384 + _MLKEM1024,
    "X25519MLKEM768": _MLKEM768 + _X25519,
    "MLKEM768": _MLKEM768,
    "MLKEM1024": _MLKEM1024,
}
"""Groups for which a key share can be sent; for others the server is left to ask for one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One client's offer; names are those of the tables here. `shares` names groups to send a key share for."""

    version: int
    suites: tuple[str, ...]
    groups: tuple[str, ...] = ("secp256r1", "secp384r1", "secp521r1")
    signatures: tuple[str, ...] = APPROVED_SIGNATURES
    shares: tuple[str, ...] = ()
    extended_master_secret: bool = True
    ticket: bool = False


def client_hello(offer: Offer, random: bytes, server_name: str = "") -> bytes:
    """The record. `random` is 32 bytes."""
    version = min(offer.version, TLS12)
    message = _handshake(1, _body(offer, version, random, server_name, cookie=None))
    # the record layer of a first hello says TLS 1.0 at most (RFC 8446 section 5.1)
    return _record(0x16, min(version, TLS10), message)


def datagram_hello(
    offer: Offer, random: bytes, server_name: str = "", session: bytes = b"", cookie: bytes = b""
) -> bytes:
    """The same as a DTLS 1.2 record. `session` is the session_id; with a `cookie` it is the second hello of two (RFC
    6347 section 4.2.1)."""
    body = _body(offer, DTLS12, random, server_name, cookie=cookie, session=session)
    length = len(body).to_bytes(3, "big")
    number = bool(cookie).to_bytes(2, "big")
    message = b"\x01" + length + number + bytes(3) + length + body
    return b"\x16" + DTLS12.to_bytes(2, "big") + bytes(6) + number + len(message).to_bytes(2, "big") + message


def ssl2_hello(challenge: bytes) -> bytes:
    """CLIENT-HELLO of SSL 2.0 with its strong kinds of ciphers (RFC 6101 appendix E). `challenge` is 16 bytes."""
    kinds = bytes.fromhex("0100800700c0030080")
    body = (
        b"\x01\x00\x02" + b"".join(len(each).to_bytes(2, "big") for each in (kinds, b"", challenge)) + kinds + challenge
    )
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def _body(
    offer: Offer, version: int, random: bytes, server_name: str, cookie: bytes | None, session: bytes = b""
) -> bytes:
    suites = b"".join(SUITES[name].to_bytes(2, "big") for name in offer.suites)
    extensions = b"" if offer.version == SSL30 else _vector(2, b"".join(_extensions(offer, server_name)))
    return (
        version.to_bytes(2, "big")
        + random
        + _vector(1, random if offer.version == TLS13 else session)
        + (b"" if cookie is None else _vector(1, cookie))
        + _vector(2, suites)
        + b"\x01\x00"  # no compression
        + extensions
    )


def _extensions(offer: Offer, server_name: str) -> Iterable[bytes]:
    if server_name and not is_address(server_name):
        yield _extension(0, _vector(2, b"\x00" + _vector(2, server_name.encode("ascii", "ignore"))))
    yield _extension(10, _vector(2, _numbers(offer.groups, GROUPS)))
    yield _extension(11, b"\x01\x00")
    if offer.version in (TLS12, TLS13):
        yield _extension(13, _vector(2, _numbers(offer.signatures, SIGNATURES)))
    if offer.extended_master_secret:
        yield _extension(23, b"")
    if offer.ticket:
        yield _extension(35, b"")
    yield _extension(0xFF01, b"\x00")
    if offer.version == TLS13:
        yield _extension(43, _vector(1, TLS13.to_bytes(2, "big")))
        shares = (GROUPS[name].to_bytes(2, "big") + _vector(2, SHARES[name]) for name in offer.shares)
        yield _extension(51, _vector(2, b"".join(shares)))


def is_address(name: str) -> bool:
    """Whether it is no name that a hello can ask for (RFC 6066 section 3)."""
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


def _numbers(names: Sequence[str], table: dict[str, int]) -> bytes:
    return b"".join(table[name].to_bytes(2, "big") for name in names)


def _extension(number: int, body: bytes) -> bytes:
    return number.to_bytes(2, "big") + _vector(2, body)


def _vector(size: int, body: bytes) -> bytes:
    return len(body).to_bytes(size, "big") + body


def _handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _vector(3, body)


def _record(kind: int, version: int, body: bytes) -> bytes:
    return bytes([kind]) + version.to_bytes(2, "big") + _vector(2, body)
