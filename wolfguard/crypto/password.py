# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords at rest: PBKDF2-HMAC-SHA-512 (SP 800-132) by the module, and the text in which a hash is kept.

Format: `pbkdf2-sha512$iterations$salt$hash`, salt and hash in base64url without padding. Owns format and comparison,
not who may try how often. Every function takes about 0.1 s of one processor for 210,000 iterations without holding the
interpreter: call them in threads of their own, whose priority the module lowers for good.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from wolfguard import _native
from wolfguard.crypto.digest import equal
from wolfguard.crypto.errors import ModuleError, PasswordError
from wolfguard.crypto.random import random_bytes
from wolfguard.secret import Secret

SCHEME: Final = "pbkdf2-sha512"
ITERATIONS: Final = 210_000
ITERATIONS_MINIMUM: Final = 1_000  # SP 800-132 section 5.2; what sites may choose is the configuration's business
ITERATIONS_MAXIMUM: Final = 10_000_000  # a hash from a foreign database must not stop a thread for minutes
SALT_BYTES: Final = 16  # SP 800-132 section 5.1: at least 128 bits
HASH_BYTES: Final = 64  # one block of SHA-512: more costs the defender twice, an attacker once
PASSWORD_MAXIMUM: Final = 1024

_TEXT: Final = re.compile(r"pbkdf2-sha512\$([1-9][0-9]{0,7})\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{86})")
_ABSENT_SALT: Final = bytes(SALT_BYTES)
_ABSENT_HASH: Final = bytes(HASH_BYTES)


@dataclass(frozen=True, slots=True, repr=False)
class PasswordHash:
    """`salt` and `value` are bytes; `str()` gives the text to keep."""

    iterations: int
    salt: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{SCHEME}${self.iterations}${_encode(self.salt)}${_encode(self.value)}"

    def __repr__(self) -> str:
        return f"PasswordHash({SCHEME}, {self.iterations}, ***)"


def parse_hash(text: str) -> PasswordHash:
    """Raises PasswordError for anything but this module's own format."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise PasswordError(f"a stored password is not in the form {SCHEME}$iterations$salt$hash; set it again")
    iterations = int(match[1])
    if not ITERATIONS_MINIMUM <= iterations <= ITERATIONS_MAXIMUM:
        raise PasswordError(
            f"a stored password has {iterations} iterations; allowed are {ITERATIONS_MINIMUM} to {ITERATIONS_MAXIMUM}"
        )
    try:
        salt, value = _decode(match[2]), _decode(match[3])
    except ValueError:
        raise PasswordError("a stored password is damaged (base64url); set it again") from None
    return PasswordHash(iterations, salt, value)


def hash_password(password: Secret, iterations: int = ITERATIONS) -> str:
    """The text to keep, with a fresh salt. Raises PasswordError for an empty or overlong password, ModuleError."""
    if not 1 <= len(password.reveal()) <= PASSWORD_MAXIMUM:
        raise PasswordError(f"a password must have 1 to {PASSWORD_MAXIMUM} bytes")
    if not ITERATIONS_MINIMUM <= iterations <= ITERATIONS_MAXIMUM:
        raise PasswordError(f"iterations must be {ITERATIONS_MINIMUM} to {ITERATIONS_MAXIMUM}, not {iterations}")
    salt = random_bytes(SALT_BYTES)
    return str(PasswordHash(iterations, salt, _derive(password, salt, iterations)))


def verify_password(password: Secret, stored: str | None, iterations: int = ITERATIONS) -> bool:
    """Whether `password` belongs to `stored`; None is an unknown user.

    Takes the time of `iterations` whoever the user is: for an unknown one, for a hash with fewer iterations and for an
    overlong password as well. Raises PasswordError for a damaged `stored`, ModuleError.
    """
    known = PasswordHash(iterations, _ABSENT_SALT, _ABSENT_HASH) if stored is None else parse_hash(stored)
    fits = 1 <= len(password.reveal()) <= PASSWORD_MAXIMUM
    tried = password if fits else Secret(b"\0")
    same = equal(_derive(tried, known.salt, known.iterations), known.value)
    if known.iterations < iterations:
        _derive(tried, known.salt, iterations - known.iterations)
    return same and fits and stored is not None


def needs_rehash(stored: str, iterations: int = ITERATIONS) -> bool:
    """Whether a hash was made with fewer iterations than now asked for: replace it at the next good login."""
    return parse_hash(stored).iterations < iterations


def _derive(password: Secret, salt: bytes, iterations: int) -> bytes:
    try:
        return _native.pbkdf2_sha512(password.reveal(), salt, iterations, HASH_BYTES)
    except RuntimeError as error:
        raise ModuleError(str(error)) from None


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(value) != text:
        raise ValueError("the last character has bits that nobody reads")
    return value
