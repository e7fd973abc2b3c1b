# SPDX-License-Identifier: GPL-3.0-or-later
"""Capability sets of this thread, by libc alone: for the process of root, which must not load the native extension.

See capabilities(7). Must not know which capabilities are wanted.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from typing import Final

_LIBC = ctypes.CDLL(None, use_errno=True)
_VERSION_3: Final = 0x20080522
_PR_CAPBSET_READ: Final = 23
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def read() -> dict[str, int]:
    """The five sets as masks, and "NoNewPrivs", as the kernel shows them."""
    with open("/proc/thread-self/status", encoding="utf-8", errors="replace") as file:
        pairs = dict(line.split(":", 1) for line in file if ":" in line)
    return {**{name: int(pairs[name], 16) for name in _SETS}, "NoNewPrivs": int(pairs["NoNewPrivs"])}


def keep(capabilities: Iterable[int]) -> None:
    """Leaves only these in the permitted, effective and bounding set and none elsewhere, for good: no_new_privs too.

    Needs CAP_SETPCAP as long as the bounding set holds others. Raises OSError.
    """
    kept = sum(1 << capability for capability in set(capabilities))
    _must(_prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL))
    for capability in range(64):
        if _prctl(_PR_CAPBSET_READ, capability) < 0:
            break  # past the kernel's last capability
        if not kept >> capability & 1:
            _must(_prctl(_PR_CAPBSET_DROP, capability))
    low, high = kept & 0xFFFFFFFF, kept >> 32
    header = struct.pack("=Ii", _VERSION_3, 0)
    # twice effective, permitted, inheritable
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    _must(_LIBC.capset(header, data))
    _must(_prctl(_PR_SET_NO_NEW_PRIVS, 1))


def _prctl(option: int, argument: int) -> int:
    words = [ctypes.c_ulong(word) for word in (argument, 0, 0, 0)]
    return int(_LIBC.prctl(option, *words))


def _must(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
