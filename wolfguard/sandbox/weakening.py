# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site may allow a gateway to go on without, where the machine refuses it, and how that shows afterwards.

Owns the words of `confinement.allow` and the facts by which a weakening in force is told from one that was merely
allowed. Allowing one never switches anything off: what the machine grants is applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Facts = tuple[tuple[str, str], ...]

NO_LANDLOCK: Final = "no-landlock"
UNLOCKED_KEYS: Final = "unlocked-keys"

LANDLOCK: Final = "landlock"
LANDLOCK_MISSING: Final = "missing, allowed by the site"
KEY_MEMORY: Final = "key_memory"
KEY_MEMORY_LOCKED: Final = "locked"
KEY_MEMORY_UNLOCKED: Final = "unlocked, allowed by the site"

_SHOWN_BY: Final = {
    (LANDLOCK, LANDLOCK_MISSING): NO_LANDLOCK,
    (KEY_MEMORY, KEY_MEMORY_UNLOCKED): UNLOCKED_KEYS,
}
WORDS: Final = tuple(_SHOWN_BY.values())


def in_force(facts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Those that the confinement of processes, as (name, value) pairs, shows; each once, in the order of `WORDS`."""
    found = {_SHOWN_BY.get(fact) for fact in facts}
    return tuple(word for word in WORDS if word in found)
