# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of an attempt: one thing that a captured process tries, and what stops it.

Three answers stand with each: what happens in a gateway as it is, what still happens where the filter of system calls
only logs (a learning run), which is what the layers behind it are worth, and what happens in a worker that has neither
a filter nor Landlock rules on a machine where SELinux enforces.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from tests.system.payload.injection import DIED

# Layers, as they stand in the table for people.
FILTER: Final = "seccomp"
LANDLOCK: Final = "Landlock"
SELINUX: Final = "SELinux"
UNIT: Final = "the unit"
USER: Final = "its user"
CAPABILITY: Final = "no capability"
UNDUMPABLE: Final = "not dumpable"
KERNEL: Final = "the kernel"
MACHINE: Final = "the machine's settings"
DISPATCH: Final = "dispatch table"
OWNERSHIP: Final = "a worker speaks of its own"
PACKET_FILTER: Final = "nftables"
NOTHING: Final = "nothing"

SUCCESS: Final = ""


@dataclass(frozen=True, slots=True)
class Of:
    """A value that only the running gateway can give, by a word: a descriptor, a pid, an address."""

    word: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`errors`: names of errors, any of which may come, since kernels differ; `SUCCESS` or `DIED` stand for
    themselves. `abi`: version of Landlock from which on this holds; below it the attempt is not made. `denied`: the
    class and permission whose denial SELinux logs."""

    layer: str
    errors: tuple[str, ...]
    abi: int = 0
    denied: str = ""


UNTRIED: Final = Outcome(NOTHING, ())
"""Not made: it would upset the debugger, and it is known that no other layer knows of it."""

UNSEEN: Final = Outcome("", ())
"""Not looked at for this process."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`call` with `arguments` (as in `injection`, and `Of`); `tries` says in words what for."""

    name: str
    tries: str
    call: str
    arguments: tuple[int | bytes | Of, ...]
    enforced: Outcome
    behind: Outcome
    labelled: Outcome = UNSEEN
    bookworm: Outcome | None = None

    def on(self, release: str) -> Outcome:
        """What SELinux's machine answers there; `bookworm` tells where Debian 12 differs."""
        return self.bookworm if release == "bookworm" and self.bookworm else self.labelled


def killed() -> Outcome:
    return Outcome(FILTER, (DIED,))


def refused(error: str) -> Outcome:
    """By the filter, with an error that lets a process live on that asks without malice."""
    return Outcome(FILTER, (error,))


def path(text: str) -> bytes:
    return text.encode() + b"\0"


def internet(address: str, port: int) -> bytes:
    """A sockaddr_in."""
    return struct.pack("=HH4s8x", 2, int.from_bytes(struct.pack("!H", port), "little"), _packed(address))


def local(name: str) -> bytes:
    """A sockaddr_un; "@" begins an abstract name."""
    return struct.pack("=H", 1) + (b"\0" + name[1:].encode() if name.startswith("@") else path(name))


def _packed(address: str) -> bytes:
    return bytes(int(part) for part in address.split("."))
