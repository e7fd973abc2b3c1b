# SPDX-License-Identifier: GPL-3.0-or-later
"""PBKDF2 against published answers and another implementation; the text form; who is let in."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import pytest

from wolfguard import _native
from wolfguard.crypto import password
from wolfguard.crypto.errors import PasswordError
from wolfguard.crypto.password import PasswordHash, hash_password, needs_rehash, parse_hash, verify_password
from wolfguard.secret import Secret

FEW = password.ITERATIONS_MINIMUM
GOOD = Secret(b"correct horse battery staple")

# PBKDF2-HMAC-SHA-512 of the inputs of RFC 6070, as published with Python's own test suite (test_hashlib, KDFTests).
PUBLISHED = [
    (
        b"password",
        b"salt",
        1,
        "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
        "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
    ),
    (
        b"password",
        b"salt",
        4096,
        "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
        "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5",
    ),
    (
        b"passwordPASSWORDpassword",
        b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
        4096,
        "8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71"
        "115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "iterations", "expected"), PUBLISHED)
def test_published_answers(secret: bytes, salt: bytes, iterations: int, expected: str) -> None:
    assert _native.pbkdf2_sha512(secret, salt, iterations, 64).hex() == expected


@pytest.mark.parametrize("size", [1, 13, 14, 15, 127, 128, 129, 1024])
@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_lengths_agree_with_another_implementation(size: int, length: int) -> None:
    secret, salt = b"p" * size, b"\0salt\xff"
    assert _native.pbkdf2_sha512(secret, salt, 3, length) == hashlib.pbkdf2_hmac("sha512", secret, salt, 3, length)


@pytest.mark.parametrize(("iterations", "length"), [(0, 64), (-1, 64), (1, 0), (1, 1025), (10**9, 64)])
def test_arguments_out_of_range_are_refused(iterations: int, length: int) -> None:
    with pytest.raises(ValueError, match="iterations"):
        _native.pbkdf2_sha512(b"p", b"s", iterations, length)


def test_a_hash_verifies_its_own_password_alone() -> None:
    stored = hash_password(GOOD, FEW)
    assert verify_password(GOOD, stored, FEW)
    assert not verify_password(Secret(b"wrong"), stored, FEW)
    assert not verify_password(Secret(b""), stored, FEW)
    assert not verify_password(Secret(b"x" * 1025), stored, FEW)


def test_salts_differ() -> None:
    assert hash_password(GOOD, FEW) != hash_password(GOOD, FEW)


def test_an_unknown_user_is_never_let_in() -> None:
    assert not verify_password(GOOD, None, FEW)
    assert not verify_password(Secret(b"\0"), None, FEW)


def test_every_answer_costs_the_same_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[int] = []
    derive = _native.pbkdf2_sha512

    def counting(secret: bytes, salt: bytes, iterations: int, length: int) -> bytes:
        spent.append(iterations)
        return derive(secret, salt, iterations, length)

    stored, older = hash_password(GOOD, 3 * FEW), hash_password(GOOD, FEW)
    monkeypatch.setattr("wolfguard.crypto.password._native.pbkdf2_sha512", counting)
    cases = [(GOOD, stored), (Secret(b"wrong"), stored), (GOOD, None), (GOOD, older), (Secret(b"x" * 2000), stored)]
    for tried, against in cases:
        spent.clear()
        verify_password(tried, against, 3 * FEW)
        assert sum(spent) == 3 * FEW


def test_text_form_is_read_back() -> None:
    stored = hash_password(GOOD, FEW)
    assert stored.startswith("pbkdf2-sha512$1000$")
    assert str(parse_hash(stored)) == stored
    assert needs_rehash(stored, FEW + 1)
    assert not needs_rehash(stored, FEW)


def _with(text: str, part: int, value: str) -> str:
    parts = text.split("$")
    parts[part] = value
    return "$".join(parts)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (0, "pbkdf2-sha256"),
        (0, "sha512"),
        (1, "0"),
        (1, "999"),
        (1, "01000"),
        (1, "99999999"),
        (1, "-1000"),
        (1, "\u0661\u0660\u0660\u0660"),
        (2, ""),
        (2, "short"),
        (2, "A" * 21 + "B"),  # bits after the last byte
        (2, "A" * 23 + "="),
        (3, "A" * 85),
        (3, "A" * 85 + "+"),
        (3, "A" * 85 + "B"),
    ],
)
def test_anything_else_is_refused(part: int, value: str) -> None:
    with pytest.raises(PasswordError):
        parse_hash(_with(hash_password(GOOD, FEW), part, value))


@pytest.mark.parametrize("secret", [b"", b"x" * 1025])
def test_passwords_have_bounds(secret: bytes) -> None:
    with pytest.raises(PasswordError, match="1 to 1024"):
        hash_password(Secret(secret), FEW)


@pytest.mark.parametrize("iterations", [999, 10_000_001])
def test_iterations_have_bounds(iterations: int) -> None:
    with pytest.raises(PasswordError, match="iterations must be"):
        hash_password(GOOD, iterations)


def test_nothing_secret_shows() -> None:
    value = PasswordHash(FEW, b"s" * 16, b"v" * 64)
    shown = repr(value)
    assert urlsafe_b64encode(b"v" * 64)[:8].decode() not in shown
    assert "***" in shown
