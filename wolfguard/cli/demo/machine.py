# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine refuses of the gateway's confinement, found by trying, so that a demo can go on without it.

A container's filter of system calls is the usual reason. Real sites say it themselves in their site file.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from wolfguard.sandbox import landlock, weakening

# As the user who will hold the keys: root may lock memory beyond every limit. Half a MiB is more than two keys need.
KEY_USER: Final = "wolfguard-keyd"
_LOCK: Final = """
import ctypes, mmap, sys
pages = mmap.mmap(-1, 1 << 19)
address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
sys.exit(ctypes.CDLL(None).mlock(ctypes.c_void_p(address), ctypes.c_size_t(1 << 19)) != 0)
"""

_NAMES: Final = {weakening.NO_LANDLOCK: "Landlock", weakening.UNLOCKED_KEYS: "locked memory for keys"}


def refused() -> tuple[str, ...]:
    """Weakenings, by the words of `confinement.allow`, without which no gateway starts here. Needs root."""
    missing = {weakening.NO_LANDLOCK: not landlock.available(), weakening.UNLOCKED_KEYS: not _locks_memory()}
    return tuple(word for word in weakening.WORDS if missing[word])


def sentence(words: Sequence[str]) -> str:
    """What was refused, for a person."""
    names = " and ".join(_NAMES[word] for word in words)
    it = "it" if len(words) == 1 else "them"
    return (
        f"This machine refuses {names} (a container's filter?): the demo goes on without {it}, "
        "and `wolfguard status` says so."
    )


def _locks_memory() -> bool:
    command = [sys.executable, "-I", "-c", _LOCK]
    return subprocess.run(command, user=KEY_USER, group=KEY_USER, extra_groups=[], cwd="/", check=False).returncode == 0
