# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a server's certificate chain (RFC 5280), for configuration checks, keyd and reports.

Reads PEM strictly: certificates alone, leaf first, each issued by the next by name. Decides nothing about trust: no
signature is checked here, the TLS library reads the same chain with its own eyes. Opens no files.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from wolfguard.crypto import der
from wolfguard.crypto.der import DerError, Element
from wolfguard.crypto.digest import sha256
from wolfguard.crypto.errors import CertificateError

CHAIN_BYTES_MAXIMUM: Final = 256 * 1024
CHAIN_LENGTH_MAXIMUM: Final = 10

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n(.*?)-----END \1-----", re.DOTALL)
_DNS_NAME: Final = 0x82
_IP_ADDRESS: Final = 0x87
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_SUBJECT_ALT_NAME: Final = "2.5.29.17"
_RSA: Final = "1.2.840.113549.1.1.1"
_EC: Final = "1.2.840.10045.2.1"
_CURVES: Final = {
    "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.34": ("secp384r1", 384),
    "1.3.132.0.35": ("secp521r1", 521),
}
_SIGNATURES: Final = {
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
}
_RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
_HASHES: Final = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_PSS_HASH: Final = 0xA0
_ATTRIBUTES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """`names` are DNS names and addresses of the subjectAltName, lower case. `key_type` is "EC", "RSA" or an OID;
    `key_bits` is 0 for an unknown type. `signature` is the issuer's, such as "ecdsa-with-SHA256" or
    "rsassa-pss-sha384", or an OID. `self_issued`: subject and issuer are one name. `fingerprint` is SHA-256 of the
    DER, `spki` the SubjectPublicKeyInfo (DER). `not_before` and `not_after` are aware, in UTC."""

    subject: str
    issuer: str
    serial: int
    names: tuple[str, ...]
    key_type: str
    key_bits: int
    curve: str
    signature: str
    not_before: datetime
    not_after: datetime
    fingerprint: bytes
    spki: bytes
    self_issued: bool = False


def read_chain(pem: bytes) -> tuple[CertificateFacts, ...]:
    """Facts of each certificate, leaf first. Raises CertificateError."""
    if len(pem) > CHAIN_BYTES_MAXIMUM:
        raise CertificateError(f"it is larger than {CHAIN_BYTES_MAXIMUM} bytes: give the chain of one server alone")
    ders = _decode_pem(pem)
    if len(ders) > CHAIN_LENGTH_MAXIMUM:
        raise CertificateError(f"it holds {len(ders)} certificates, at most {CHAIN_LENGTH_MAXIMUM} make a chain")
    chain: list[CertificateFacts] = []
    names: list[tuple[bytes, bytes]] = []
    for number, encoded in enumerate(ders, 1):
        try:
            facts, subject, issuer = _certificate(encoded)
        except DerError as error:
            raise CertificateError(f"certificate {number} cannot be read ({error}): copy the file again") from None
        chain.append(facts)
        names.append((subject, issuer))
    for number in range(1, len(chain)):
        if names[number - 1][1] != names[number][0]:
            raise CertificateError(
                f"certificate {number + 1} ({chain[number].subject}) did not issue the one before it: "
                "put the server's certificate first, then each issuer"
            )
    return tuple(chain)


def read_sent(ders: Sequence[bytes]) -> tuple[CertificateFacts, ...]:
    """Facts of certificates as they are sent, in no order that means anything. Raises CertificateError."""
    facts: list[CertificateFacts] = []
    for number, encoded in enumerate(ders, 1):
        try:
            facts.append(_certificate(encoded)[0])
        except DerError as error:
            raise CertificateError(f"certificate {number} cannot be read ({error})") from None
    return tuple(facts)


def read_authorities(pem: bytes) -> tuple[CertificateFacts, ...]:
    """Facts of each certificate of a file of trusted ones, which need not know each other. Raises CertificateError."""
    return read_sent(_decode_pem(pem))


def read_leaf(pem: bytes) -> CertificateFacts:
    """Facts of the server's own certificate. Raises CertificateError."""
    return read_chain(pem)[0]


def covers(facts: CertificateFacts, name: str) -> bool:
    """Whether a client that asked for `name` (DNS name or address) finds it in the certificate (RFC 9525 section 6)."""
    wanted = name.lower().rstrip(".")
    try:
        return str(ip_address(wanted)) in facts.names
    except ValueError:
        above = wanted.partition(".")[2]
        return wanted in facts.names or (bool(above) and f"*.{above}" in facts.names)


def _decode_pem(pem: bytes) -> list[bytes]:
    blocks = _BLOCK.findall(pem)
    if b"PRIVATE KEY-----" in pem:
        raise CertificateError("it holds a private key: keep certificates and keys in files of their own")
    if not blocks:
        raise CertificateError("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    if pem.count(b"-----BEGIN ") != len(blocks):
        raise CertificateError("it holds a PEM block without its end: copy the file again")
    for label, _ in blocks:
        if label != b"CERTIFICATE":
            raise CertificateError(f"it holds a {label.decode('ascii').lower()}: give PEM certificates alone")
    try:
        return [binascii.a2b_base64(b"".join(body.split()), strict_mode=True) for _, body in blocks]
    except binascii.Error:
        raise CertificateError("it holds a PEM block that is not base64: copy the file again") from None


def _certificate(encoded: bytes) -> tuple[CertificateFacts, bytes, bytes]:
    """Facts, and the encoded names of subject and issuer."""
    body, algorithm, signature = _fields(der.single(encoded, der.SEQUENCE), 3)
    fields = body.expect(der.SEQUENCE).children()
    if fields and fields[0].tag == _VERSION:
        fields = fields[1:]
    if len(fields) < 6:
        raise DerError("fields are missing")
    serial, inner_algorithm, issuer, validity, subject, spki = fields[:6]
    if inner_algorithm.encoded != algorithm.encoded:
        raise DerError("its two names of the signature algorithm differ")
    der.bits(signature)
    not_before, not_after = (der.time(moment) for moment in _fields(validity, 2))
    key_type, key_bits, curve = _public_key(spki)
    facts = CertificateFacts(
        subject=_name(subject),
        issuer=_name(issuer),
        serial=int.from_bytes(serial.expect(der.INTEGER).value, "big"),
        names=_alternative_names(fields[6:]),
        key_type=key_type,
        key_bits=key_bits,
        curve=curve,
        signature=_algorithm(algorithm),
        not_before=not_before,
        not_after=not_after,
        fingerprint=sha256(encoded),
        spki=spki.encoded,
        self_issued=subject.encoded == issuer.encoded,
    )
    return facts, subject.encoded, issuer.encoded


def _fields(element: Element, count: int) -> list[Element]:
    children = element.expect(der.SEQUENCE).children()
    if len(children) != count:
        raise DerError(f"{len(children)} fields where {count} belong")
    return children


def _algorithm(element: Element) -> str:
    children = element.expect(der.SEQUENCE).children()
    if not children:
        raise DerError("an algorithm without a name")
    identifier = der.oid(children[0])
    if identifier == _RSASSA_PSS:
        return f"rsassa-pss-{_pss_hash(children[1:])}"
    return _SIGNATURES.get(identifier, identifier)


def _pss_hash(parameters: list[Element]) -> str:
    """RFC 4055 section 3.1: SHA-1 unless another hash is named."""
    for sequence in parameters:
        for parameter in sequence.expect(der.SEQUENCE).children():
            if parameter.tag == _PSS_HASH:
                name = der.single(parameter.value, der.SEQUENCE).children()
                identifier = der.oid(name[0]) if name else ""
                return _HASHES.get(identifier, identifier)
    return "sha1"


def _public_key(spki: Element) -> tuple[str, int, str]:
    """Type, bits and curve ("" unless EC)."""
    algorithm, key = _fields(spki, 2)
    parts = algorithm.expect(der.SEQUENCE).children()
    identifier = der.oid(parts[0]) if parts else ""
    if identifier == _RSA:
        modulus, _ = _fields(der.single(der.bits(key), der.SEQUENCE), 2)
        return "RSA", der.unsigned(modulus).bit_length(), ""
    if identifier == _EC and len(parts) == 2:
        curve = der.oid(parts[1])
        name, size = _CURVES.get(curve, (curve, 0))
        return "EC", size, name
    return identifier, 0, ""


def _name(element: Element) -> str:
    """`CN=..., O=...` in the order of the certificate; control characters never reach a log."""
    parts: list[str] = []
    for relative in element.expect(der.SEQUENCE).children():
        for attribute in relative.expect(der.SET).children():
            kind, value = _fields(attribute, 2)
            identifier = der.oid(kind)
            parts.append(f"{_ATTRIBUTES.get(identifier, identifier)}={_printable(der.text(value))}")
    return ", ".join(parts)


def _printable(value: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in value)


def _alternative_names(fields: list[Element]) -> tuple[str, ...]:
    for field in fields:
        if field.tag != _EXTENSIONS:
            continue
        for extension in der.single(field.value, der.SEQUENCE).children():
            parts = extension.expect(der.SEQUENCE).children()
            if len(parts) in (2, 3) and der.oid(parts[0]) == _SUBJECT_ALT_NAME:
                names = der.single(parts[-1].expect(der.OCTET_STRING).value, der.SEQUENCE).children()
                return tuple(name for name in map(_alternative_name, names) if name)
    return ()


def _alternative_name(element: Element) -> str:
    if element.tag == _DNS_NAME:
        try:
            return _printable(element.value.decode("ascii")).lower()
        except UnicodeDecodeError:
            raise DerError("a DNS name that is not ASCII") from None
    if element.tag == _IP_ADDRESS and len(element.value) in (4, 16):
        return str(ip_address(element.value))
    return ""
