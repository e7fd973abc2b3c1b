# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels between wolfguard's processes: the kinds of messages, frozen dataclasses all.

Owns the kinds only. The vocabulary stands by subject in `ipc.life`, `ipc.logins`, `ipc.tunnels`, `ipc.routes`,
`ipc.management`, `ipc.factors`, `ipc.accounting` and `ipc.orders`; how messages travel is `ipc.channel`, who may send
which to whom is `seccomp/processes.yml` (generated into `ipc.dispatch_table`). A `Request` names its reply type in
`reply`; a `Notice` has none. Fields are str, int, bool, bytes, `Secret`, None, nested frozen dataclasses, and tuples of
these: what `ipc.codec` can check.
Addresses travel as text in canonical form, times as Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class Message:
    """Anything that travels. Subclasses are frozen, slotted dataclasses."""

    __slots__ = ()


class Notice(Message):
    """Sent without waiting for an answer."""

    __slots__ = ()


class Reply(Message):
    """The answer to a Request."""

    __slots__ = ()


class Request(Message):
    """Sent with a time limit, answered by `reply` or by an ipc error (code, text)."""

    __slots__ = ()
    reply: ClassVar[type[Reply]]


@dataclass(frozen=True, slots=True)
class Done(Reply):
    """Nothing to say but that it was done."""
