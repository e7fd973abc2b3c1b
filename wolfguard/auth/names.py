# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user name and a password may be.

Text is compared in Unicode's NFC form, as RFC 8265 (UsernameCasePreserved, OpaqueString) and SP 800-63B ask: the same
name typed on two keyboards is the same name. Names keep their case.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from wolfguard.errors import LocalError

NAME_MAX: Final = 256
PASSWORD_MAX: Final = 1024


class NameRefusedError(LocalError):
    """A user name or a new password that is not allowed; the text says what is."""


def login_name(text: str) -> str | None:
    """The name to look up for what a stranger typed, or None when no user can have it."""
    if not 0 < len(text) <= NAME_MAX:
        return None
    name = unicodedata.normalize("NFC", text)
    if len(name) > NAME_MAX or not name.isprintable() or name != name.strip():
        return None
    return name


def login_password(data: bytes) -> bytes | None:
    """The bytes to hash for what a stranger typed, or None when no user can have that password."""
    if not 0 < len(data) <= PASSWORD_MAX or b"\0" in data:
        return None
    try:
        normal = unicodedata.normalize("NFC", data.decode()).encode()
    except UnicodeDecodeError:
        return None
    return normal if len(normal) <= PASSWORD_MAX else None


def new_name(text: str) -> str:
    """The name of a new account; raises NameRefusedError."""
    name = login_name(text)
    if name is None:
        raise NameRefusedError(
            f"a user name has 1 to {NAME_MAX} printable characters and no space at its ends; choose another"
        )
    return name


def new_password(name: str, data: bytes, minimum: int) -> bytes:
    """The bytes of a new password (`minimum` in characters); raises NameRefusedError."""
    password = login_password(data)
    if password is None:
        raise NameRefusedError(f"a password has 1 to {PASSWORD_MAX} bytes of UTF-8 and no NUL; choose another")
    if len(password.decode()) < minimum:
        raise NameRefusedError(f"a password needs at least {minimum} characters (passwords.minimum_length)")
    if password.decode().casefold() == name.casefold():
        raise NameRefusedError("a password must not be the user's name; choose another")
    return password
