# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a file holds, reading it as a chain gives facts or a CertificateError; hashes of passwords are read back."""

from __future__ import annotations

from base64 import b64decode, b64encode

from hypothesis import given
from hypothesis import strategies as st

from wolfguard.crypto import der
from wolfguard.crypto.certificates import read_chain
from wolfguard.crypto.der import DerError
from wolfguard.crypto.errors import CertificateError, PasswordError
from wolfguard.crypto.password import PasswordHash, parse_hash

# A self-signed P-256 certificate for CN=vpn.example.test, with the subjectAltName of that name.
LEAF = b64decode(
    "MIIBRjCB7aADAgECAgISZzAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBB2cG4uZXhhbXBsZS50ZXN0MCAXDTI2MDEwMTAwMDAwMFoY"
    "DzIwNTAwODIzMDAwMDAwWjAbMRkwFwYDVQQDDBB2cG4uZXhhbXBsZS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZKNa"
    "F8atXn0Ea/P8zUyx9lGYLw9yh5jf43UG2wYG9j7KJA2JCSqyaeirzASA6Ov7kYZSVvqEyiTG93S7FvXBZqMfMB0wGwYDVR0RBBQw"
    "EoIQdnBuLmV4YW1wbGUudGVzdDAKBggqhkjOPQQDAgNIADBFAiBecaCJsgFiuAcfBwR3TqFppano5aMIUj73VNgsD1nWwwIhALf2"
    "zk274ejCgqulZO9z6x5rioEADFD05HdUCWw7VQ21"
)


def pem(encoded: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(encoded) + b"\n-----END CERTIFICATE-----\n"


def test_the_example_is_sound() -> None:
    assert read_chain(pem(LEAF))[0].names == ("vpn.example.test",)


@given(st.binary(max_size=2000))
def test_arbitrary_bytes(data: bytes) -> None:
    for text in (data, pem(data)):
        try:
            read_chain(text)
        except CertificateError:
            continue


@given(st.lists(st.tuples(st.integers(0, len(LEAF) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_bent_certificates(changes: list[tuple[int, int]]) -> None:
    bent = bytearray(LEAF)
    for place, value in changes:
        bent[place] = value
    try:
        facts = read_chain(pem(bytes(bent)))[0]
    except CertificateError:
        return
    assert facts.subject.isprintable()
    assert all(name.isprintable() for name in facts.names)


@given(st.binary(max_size=300))
def test_der_is_read_whole_or_refused(data: bytes) -> None:
    try:
        found = list(der.elements(data))
    except DerError:
        return
    assert b"".join(element.encoded for element in found) == data


@given(st.integers(1000, 10_000_000), st.binary(min_size=16, max_size=64), st.binary(min_size=64, max_size=64))
def test_hashes_are_read_back(iterations: int, salt: bytes, value: bytes) -> None:
    assert parse_hash(str(PasswordHash(iterations, salt, value))) == PasswordHash(iterations, salt, value)


@given(st.text(max_size=200))
def test_other_text_is_no_hash(text: str) -> None:
    try:
        parse_hash(text)
    except PasswordError:
        return
    assert text.startswith("pbkdf2-sha512$")
