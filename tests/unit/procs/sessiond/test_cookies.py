# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies: all bits of the generator, known by their hash."""

from __future__ import annotations

import hashlib

import pytest

from wolfguard.procs.sessiond.cookies import Cookies
from wolfguard.secret import Secret


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_a_cookie_has_all_bits_of_the_generator_and_is_known_by_its_hash() -> None:
    cookies = Cookies(lambda count: bytes(range(count)), digest)
    cookie, known = cookies.mint()
    assert cookie.reveal() == b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert cookies.hash(cookie) == known == digest(cookie.reveal())


@pytest.mark.parametrize("text", [b"", b"A" * 42, b"A" * 44, b"A" * 42 + b"=", b"A" * 42 + b"\n", b"\xff" * 43])
def test_what_no_cookie_looks_like_is_not_even_hashed(text: bytes) -> None:
    def forbidden(data: bytes) -> bytes:
        raise AssertionError

    assert Cookies(lambda count: b"", forbidden).hash(Secret(text)) is None
