# SPDX-License-Identifier: GPL-3.0-or-later
"""What names and passwords may be."""

from __future__ import annotations

import pytest

from wolfguard.auth.names import NameRefusedError, login_name, login_password, new_name, new_password


@pytest.mark.parametrize("name", ["", "a" * 257, "a\nb", "a\x00b", " anna", "anna ", "a\u202eb", "\u00ad"])
def test_names_that_nobody_can_have(name: str) -> None:
    assert login_name(name) is None
    with pytest.raises(NameRefusedError, match="choose another"):
        new_name(name)


def test_the_same_name_in_two_forms_is_one_name() -> None:
    assert login_name("Zoe\u0301") == login_name("Zo\u00e9") == "Zo\u00e9"
    assert login_name("a b@example.com") == "a b@example.com"
    assert login_name("a" * 256) == "a" * 256


@pytest.mark.parametrize("password", [b"", b"x" * 1025, b"with\x00nul", b"\xff\xfe"])
def test_passwords_that_nobody_can_have(password: bytes) -> None:
    assert login_password(password) is None
    with pytest.raises(NameRefusedError):
        new_password("anna", password, 8)


def test_passwords_are_compared_in_one_form() -> None:
    assert login_password("e\u0301".encode()) == "\u00e9".encode()
    assert login_password(b"x" * 1024) == b"x" * 1024


def test_new_passwords_are_long_enough_and_not_the_name() -> None:
    with pytest.raises(NameRefusedError, match="at least 12 characters"):
        new_password("anna", "\u00e9".encode() * 11, 12)
    with pytest.raises(NameRefusedError, match="must not be the user's name"):
        new_password("anna.miller.1", b"Anna.Miller.1", 12)
    assert new_password("anna", b"correct horse battery", 12) == b"correct horse battery"
