# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux labels of sockets, given by who makes them (attr/sockcreate in proc(5)).

The policy module wolfguard_gateway knows which process may use which channel and which listener; a socket says by its
type which one it is, and by its category to which slot it belongs. Where the caller is not in the module's own domain
(no SELinux, no module, an administrator's terminal) nothing is labelled.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wolfguard.errors import StartError

PREFIX: Final = "wolfguard_gateway_"
MAKER: Final = f"{PREFIX}supervisor_t"
_ATTRIBUTES: Final = Path("/proc/thread-self/attr")


@dataclass(frozen=True, slots=True)
class Label:
    """`slot`: whose category it carries; None for what belongs to no slot."""

    type: str
    slot: int | None


def channel(first: str, second: str, slot: int | None) -> Label:
    """Of a channel between two processes, in the manifest's order; "supervisor" is always the second."""
    return Label(f"{PREFIX}{first}_{second}_channel_t", slot)


def outside(slot: int | None) -> Label:
    """Of a socket that hears clients."""
    return Label(f"{PREFIX}outside_t", slot)


def orders() -> Label:
    """Of a socket that hears authentication servers."""
    return Label(f"{PREFIX}orders_t", None)


def management() -> Label:
    """Of the socket that hears local callers."""
    return Label(f"{PREFIX}management_t", None)


@contextmanager
def sockets(label: Label, attributes: Path = _ATTRIBUTES) -> Iterator[None]:
    """Sockets that this thread makes meanwhile have this label. Raises StartError where SELinux refuses it."""
    own = _context(attributes)
    if own is None:
        yield
        return
    user, _, _, level = own
    category = "" if label.slot is None else f":c{label.slot}"
    context = f"{user}:object_r:{label.type}:{level.partition('-')[0].partition(':')[0]}{category}"
    _write(attributes, context)
    try:
        yield
    finally:
        _write(attributes, "\n")


def _context(attributes: Path) -> list[str] | None:
    """User, role, type and level of this thread, when it is in the module's domain."""
    try:
        text = (attributes / "current").read_bytes().rstrip(b"\n\0").decode("ascii", "replace")
    except OSError:
        return None
    fields = text.split(":", 3)
    return fields if len(fields) == 4 and fields[2] == MAKER else None


def _write(attributes: Path, text: str) -> None:
    try:
        descriptor = os.open(attributes / "sockcreate", os.O_WRONLY | os.O_CLOEXEC)
        try:
            # One write: the kernel takes a label whole.
            os.write(descriptor, text.encode("ascii"))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StartError(
            f"SELinux refuses sockets of {text.strip() or 'no label'}: {error.strerror}; "
            "load the policy module wolfguard_gateway of this release"
        ) from error
