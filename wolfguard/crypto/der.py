# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader of DER (X.690), just wide enough for certificates: definite lengths in their shortest form, tags of
one byte. Knows nothing of what the elements mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
TELETEX_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31

_TEXT_CODECS: Final = {
    UTF8_STRING: "utf-8",
    PRINTABLE_STRING: "ascii",
    IA5_STRING: "ascii",
    TELETEX_STRING: "latin-1",
    BMP_STRING: "utf-16-be",
}


class DerError(ValueError):
    """The bytes are not DER, or not of the type that was asked for."""


@dataclass(frozen=True, slots=True)
class Element:
    """`value` is the content, `encoded` the whole element with tag and length."""

    tag: int
    value: bytes
    encoded: bytes

    def children(self) -> list[Element]:
        """The elements inside, in order. Raises DerError."""
        return list(elements(self.value))

    def expect(self, tag: int) -> Element:
        """Itself. Raises DerError when it is of another type."""
        if self.tag != tag:
            raise DerError(f"tag 0x{self.tag:02x} where 0x{tag:02x} belongs")
        return self


def elements(data: bytes) -> Iterator[Element]:
    """Elements in a row, to the end of `data`. Raises DerError."""
    at = 0
    while at < len(data):
        start = at
        if at + 2 > len(data):
            raise DerError("cut short in a header")
        tag, length = data[at], data[at + 1]
        if tag & 0x1F == 0x1F:
            raise DerError("a tag of more than one byte")
        at += 2
        if length & 0x80:
            count = length & 0x7F
            field = data[at : at + count]
            if not 1 <= count <= 4 or len(field) != count:
                raise DerError("an indefinite, overlong or cut length")
            length = int.from_bytes(field, "big")
            if length < 0x80 or field[0] == 0:
                raise DerError("a length that is not in its shortest form")
            at += count
        if at + length > len(data):
            raise DerError("cut short in a value")
        yield Element(tag, data[at : at + length], data[start : at + length])
        at += length


def single(data: bytes, tag: int) -> Element:
    """The one element that `data` consists of. Raises DerError."""
    found = list(elements(data))
    if len(found) != 1:
        raise DerError(f"{len(found)} elements where one belongs")
    return found[0].expect(tag)


def oid(element: Element) -> str:
    """Dotted form. Raises DerError."""
    data = element.expect(OID).value
    if not data or data[-1] & 0x80:
        raise DerError("an object identifier that is empty or cut")
    arcs: list[int] = []
    arc = 0
    for octet in data:
        if arc == 0 and octet == 0x80:
            raise DerError("an object identifier with a padded arc")
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def unsigned(element: Element) -> int:
    """A non-negative INTEGER. Raises DerError."""
    value = element.expect(INTEGER).value
    if not value or value[0] & 0x80 or (len(value) > 1 and value[0] == 0 and not value[1] & 0x80):
        raise DerError("an integer that is negative or not in its shortest form")
    return int.from_bytes(value, "big")


def text(element: Element) -> str:
    """Any of the string types that names use. Raises DerError."""
    codec = _TEXT_CODECS.get(element.tag)
    if codec is None:
        raise DerError(f"tag 0x{element.tag:02x} where text belongs")
    try:
        return element.value.decode(codec)
    except UnicodeDecodeError:
        raise DerError("text that is not in its own alphabet") from None


def bits(element: Element) -> bytes:
    """A BIT STRING of whole bytes. Raises DerError."""
    value = element.expect(BIT_STRING).value
    if not value or value[0] != 0:
        raise DerError("a bit string that is empty or not of whole bytes")
    return value[1:]


def time(element: Element) -> datetime:
    """UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5. Raises DerError."""
    try:
        digits = element.value.decode("ascii")
        if element.tag == UTC_TIME and len(digits) == 13:
            digits = ("19" if digits[:2] >= "50" else "20") + digits
        elif element.tag != GENERALIZED_TIME:
            raise DerError(f"tag 0x{element.tag:02x} where a time belongs")
        if len(digits) != 15 or not digits[:14].isdecimal():
            raise DerError("a time that is not YYYYMMDDHHMMSSZ")
        return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except DerError:
        raise
    except ValueError:
        raise DerError("a time that does not exist") from None
