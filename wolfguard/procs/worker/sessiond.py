# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's way to sessiond, which may be away for a while.

Owns the present channel and what must reach sessiond in spite of an absence: ends of tunnels. Other notices about
the past are worth nothing to a sessiond that has restarted, and are dropped.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from wolfguard.ipc.errors import IpcClosed
from wolfguard.ipc.messages import Notice, Request
from wolfguard.ipc.tunnels import TunnelClosed


class Way(Protocol):
    """What is used of `ipc.channel.Channel`."""

    @property
    def closed(self) -> bool: ...
    async def request(self, message: Request, *, timeout: float) -> Any: ...
    def notify(self, message: Notice) -> None: ...


class Sessiond:
    """`kept` bounds the ends of tunnels that wait; the oldest go first, and sessiond's ListTunnels makes up for it."""

    def __init__(self, kept: int) -> None:
        self._way: Way | None = None
        self._waiting: deque[TunnelClosed] = deque(maxlen=max(1, kept))

    @property
    def present(self) -> bool:
        return self._way is not None and not self._way.closed

    def attach(self, way: Way) -> None:
        self._way = way
        while self._waiting and self.present:
            self.notify(self._waiting.popleft())

    def detach(self) -> None:
        self._way = None

    async def request(self, message: Request, timeout: float) -> Any:
        """The reply. Raises IpcError; IpcClosed at once while sessiond is away."""
        if self._way is None or self._way.closed:
            raise IpcClosed("sessiond is away")
        return await self._way.request(message, timeout=timeout)

    def notify(self, message: Notice) -> None:
        """Never raises for a sessiond that is away."""
        if self._way is not None and not self._way.closed:
            try:
                self._way.notify(message)
            except IpcClosed:
                pass
            else:
                return
        if isinstance(message, TunnelClosed):
            self._waiting.append(message)
