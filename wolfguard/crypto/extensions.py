# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says it may be used for, and where its status can be asked (RFC 5280 section 4.2). For reports:
decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.crypto import der
from wolfguard.crypto.der import DerError, Element
from wolfguard.crypto.errors import CertificateError

SERVER_AUTH: Final = "serverAuth"
_EXTENSIONS: Final = 0xA3
_URI: Final = 0x86
_CONSTRUCTED_0: Final = 0xA0
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_PURPOSES: Final = "2.5.29.37"
_REVOCATION_LISTS: Final = "2.5.29.31"
_INFORMATION: Final = "1.3.6.1.5.5.7.1.1"
_OCSP: Final = "1.3.6.1.5.5.7.48.1"
_PURPOSE_NAMES: Final = {
    "1.3.6.1.5.5.7.3.1": SERVER_AUTH,
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "any",
}


@dataclass(frozen=True, slots=True)
class Extensions:
    """`authority`: it may issue others. `purposes` are names or OIDs, empty where it names none, which is any.
    `status_places` are addresses of OCSP servers and lists of revoked certificates."""

    authority: bool
    purposes: tuple[str, ...]
    status_places: tuple[str, ...]


def read_extensions(encoded: bytes) -> Extensions:
    """Of a certificate (DER). Raises CertificateError."""
    try:
        found = _extensions(encoded)
        return Extensions(
            authority=_authority(found.get(_BASIC_CONSTRAINTS)),
            purposes=_purposes(found.get(_PURPOSES)),
            status_places=(*_ocsp(found.get(_INFORMATION)), *_lists(found.get(_REVOCATION_LISTS))),
        )
    except DerError as error:
        raise CertificateError(f"the extensions of a certificate cannot be read ({error})") from None


def _extensions(encoded: bytes) -> Mapping[str, bytes]:
    certificate = der.single(encoded, der.SEQUENCE).children()
    if not certificate:
        raise DerError("an empty certificate")
    found: dict[str, bytes] = {}
    for field in certificate[0].expect(der.SEQUENCE).children():
        if field.tag != _EXTENSIONS:
            continue
        for extension in der.single(field.value, der.SEQUENCE).children():
            parts = extension.expect(der.SEQUENCE).children()
            if len(parts) not in (2, 3):
                raise DerError("an extension of another form")
            found[der.oid(parts[0])] = parts[-1].expect(der.OCTET_STRING).value
    return found


def _children(value: bytes | None) -> list[Element]:
    return [] if value is None else der.single(value, der.SEQUENCE).children()


def _authority(value: bytes | None) -> bool:
    parts = _children(value)
    return bool(parts) and parts[0].tag == der.BOOLEAN and parts[0].value != b"\x00"


def _purposes(value: bytes | None) -> tuple[str, ...]:
    identifiers = (der.oid(each) for each in _children(value))
    return tuple(_PURPOSE_NAMES.get(each, each) for each in identifiers)


def _ocsp(value: bytes | None) -> tuple[str, ...]:
    found: list[str] = []
    for access in _children(value):
        parts = access.expect(der.SEQUENCE).children()
        if len(parts) == 2 and der.oid(parts[0]) == _OCSP and parts[1].tag == _URI:
            found.append(_address(parts[1]))
    return tuple(found)


def _lists(value: bytes | None) -> tuple[str, ...]:
    """distributionPoint [0] { fullName [0] { names } } of each point."""
    found: list[str] = []
    for point in _children(value):
        for part in point.expect(der.SEQUENCE).children():
            if part.tag != _CONSTRUCTED_0:
                continue
            for name in part.children():
                found += [_address(each) for each in name.children() if name.tag == _CONSTRUCTED_0 and each.tag == _URI]
    return tuple(found)


def _address(element: Element) -> str:
    text = element.value.decode("ascii", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)
