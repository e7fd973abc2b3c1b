# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway may go on without, and how that shows afterwards.

Owns the words of `confinement.allow`, by which a site allows what its machine refuses, and the facts by which a
weakening in force is told from one that was merely allowed. Allowing one never switches anything off: what the machine
grants is applied. Learning is the one that a person asks for, at each start and in no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Facts = tuple[tuple[str, str], ...]

NO_LANDLOCK: Final = "no-landlock"
UNLOCKED_KEYS: Final = "unlocked-keys"
LEARNING: Final = "learning"
"""No word of the site file: `wolfguard run --learn`."""

LANDLOCK: Final = "landlock"
LANDLOCK_MISSING: Final = "missing, allowed by the site"
KEY_MEMORY: Final = "key_memory"
KEY_MEMORY_LOCKED: Final = "locked"
KEY_MEMORY_UNLOCKED: Final = "unlocked, allowed by the site"
SECCOMP: Final = "seccomp"
SECCOMP_LEARNING: Final = "learning, kills for nothing"

_SHOWN_BY: Final = {
    (LANDLOCK, LANDLOCK_MISSING): NO_LANDLOCK,
    (KEY_MEMORY, KEY_MEMORY_UNLOCKED): UNLOCKED_KEYS,
    (SECCOMP, SECCOMP_LEARNING): LEARNING,
}
WORDS: Final = (NO_LANDLOCK, UNLOCKED_KEYS)
"""Those that a site file may allow."""
_REFUSED: Final = "refused by this machine, allowed by the site file"
REASONS: Final = {
    NO_LANDLOCK: _REFUSED,
    UNLOCKED_KEYS: _REFUSED,
    LEARNING: "started with --learn, to log what the filters would kill for; never for service",
}


def in_force(facts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Those that the confinement of processes, as (name, value) pairs, shows; each once, in the order of `REASONS`."""
    found = {_SHOWN_BY.get(fact) for fact in facts}
    return tuple(word for word in REASONS if word in found)
