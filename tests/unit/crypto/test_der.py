# SPDX-License-Identifier: GPL-3.0-or-later
"""DER in its one valid form is read, every other form is refused (X.690 sections 8 and 10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wolfguard.crypto import der
from wolfguard.crypto.der import DerError, Element


def element(encoded: str) -> Element:
    (found,) = der.elements(bytes.fromhex(encoded))
    return found


def test_elements_in_a_row() -> None:
    assert [(each.tag, each.value) for each in der.elements(bytes.fromhex("0201050500"))] == [(2, b"\5"), (5, b"")]


@pytest.mark.parametrize(
    "encoded",
    [
        "02",  # no length
        "0202",  # no value
        "020205",  # half a value
        "3080",  # indefinite length
        "02810105",  # long form where short would do
        "0282000105",  # padded length
        "0285000000000105",  # length of five bytes
        "1f8101",  # tag of more than one byte
        "0282ff",  # cut length
    ],
)
def test_other_forms_are_refused(encoded: str) -> None:
    with pytest.raises(DerError):
        list(der.elements(bytes.fromhex(encoded)))


def test_object_identifiers() -> None:
    assert der.oid(element("06092a864886f70d01010b")) == "1.2.840.113549.1.1.11"
    assert der.oid(element("0603551d11")) == "2.5.29.17"
    assert der.oid(element("0603883703")) == "2.999.3"
    for encoded in ("0600", "060155"[:4] + "88", "0603558011"):
        with pytest.raises(DerError):
            der.oid(element(encoded))


def test_integers() -> None:
    assert der.unsigned(element("02020080")) == 128
    assert der.unsigned(element("020100")) == 0
    for encoded in ("0200", "020180", "02020001"):
        with pytest.raises(DerError):
            der.unsigned(element(encoded))


def moment(tag: int, text: str) -> datetime:
    return der.time(Element(tag, text.encode("ascii"), b""))


def test_times() -> None:
    assert moment(der.UTC_TIME, "491231235959Z") == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert moment(der.UTC_TIME, "500101000000Z") == datetime(1950, 1, 1, tzinfo=UTC)
    assert moment(der.GENERALIZED_TIME, "20500101000000Z") == datetime(2050, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (der.UTC_TIME, "261301000000Z"),
        (der.UTC_TIME, "2601010000Z"),
        (der.UTC_TIME, "260101000000+0100"),
        (der.GENERALIZED_TIME, "20260101000000"),
        (der.GENERALIZED_TIME, "20260101000000.5Z"),
        (der.GENERALIZED_TIME, " 0260101000000Z"),
        (der.OCTET_STRING, "20260101000000Z"),
    ],
)
def test_times_that_are_none(tag: int, text: str) -> None:
    with pytest.raises(DerError):
        moment(tag, text)


def test_text_and_bits() -> None:
    assert der.text(element("0c02c3a4")) == "ä"
    assert der.text(element("1e020041")) == "A"
    assert der.bits(element("03020041")) == b"A"
    for encoded in ("0c01c3", "0201ff"):
        with pytest.raises(DerError):
            der.text(element(encoded))
    for encoded in ("0300", "03020141"):
        with pytest.raises(DerError):
            der.bits(element(encoded))


def test_exactly_one() -> None:
    assert der.single(bytes.fromhex("3000"), der.SEQUENCE).value == b""
    for encoded in ("", "30003000", "0500"):
        with pytest.raises(DerError):
            der.single(bytes.fromhex(encoded), der.SEQUENCE)
