# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to the nursery: a helper is asked for with its socket, and ended by its number."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Final

BEGIN: Final = "+"
END: Final = "-"
"""The words of `procs.nursery`."""


@dataclass(slots=True, eq=False)
class Helper:
    """`socket` is this side's end; its end is the helper's."""

    number: int
    socket: socket.socket
    timer: asyncio.TimerHandle | None = field(default=None)


class Nursery:
    """Words to the nursery, while it is there."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._last = 0

    @property
    def present(self) -> bool:
        return self._socket is not None

    def attach(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    def detach(self) -> socket.socket | None:
        """The socket, which is the caller's again."""
        sock, self._socket = self._socket, None
        return sock

    def begin(self) -> Helper:
        """A new helper; the kernel's queue takes the word even while the nursery is busy. Raises OSError."""
        if self._socket is None:
            raise OSError("the nursery is away")
        self._last += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            try:
                socket.send_fds(self._socket, [f"{BEGIN}{self._last}".encode()], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return Helper(self._last, ours)

    def end(self, helper: Helper) -> None:
        """Has it killed, unless it has ended by itself."""
        helper.socket.close()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(f"{END}{helper.number}".encode())
