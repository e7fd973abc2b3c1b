# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd's channels to the other processes, and what an answer of theirs means to a caller.

Owns which process is there at the moment and how long it may take. Must not know HTTP.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from wolfguard.ipc.errors import IpcClosed, IpcError
from wolfguard.ipc.messages import Notice, Request

ANSWER_SECONDS: Final = 10.0
STATUS_SECONDS: Final = 3.0


class Channel(Protocol):
    """The part of ipc.channel.Channel that is used here."""

    async def request(self, message: Request, *, timeout: float = ...) -> Any: ...

    def notify(self, message: Notice) -> None: ...


class Peers:
    """By process and slot. The supervisor has slot 0, like all but the workers."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, int], Channel] = {}

    def attach(self, process: str, slot: int, channel: Channel) -> None:
        self._channels[process, slot] = channel

    def detach(self, process: str, slot: int) -> None:
        self._channels.pop((process, slot), None)

    def slots(self, process: str) -> list[int]:
        """Slots of this process that are there now, in order."""
        return sorted(slot for name, slot in self._channels if name == process)

    async def ask(self, process: str, message: Request, *, slot: int = 0, seconds: float = ANSWER_SECONDS) -> Any:
        """The reply. Raises IpcError, with code "closed" when the process is not there."""
        channel = self._channels.get((process, slot))
        if channel is None:
            raise IpcClosed(f"{process} is being restarted; try again in a moment")
        return await channel.request(message, timeout=seconds)

    async def ask_softly(self, process: str, message: Request, *, slot: int = 0) -> Any:
        """As `ask`, for a view of the whole: None when this process does not answer soon."""
        try:
            return await self.ask(process, message, slot=slot, seconds=STATUS_SECONDS)
        except IpcError:
            return None

    async def ask_workers(self, message: Request) -> dict[int, Any]:
        """By slot; None for a worker that does not answer soon."""
        slots = self.slots("worker")
        answers = await asyncio.gather(*(self.ask_softly("worker", message, slot=slot) for slot in slots))
        return dict(zip(slots, answers, strict=True))

    def tell(self, process: str, message: Notice) -> bool:
        """False when the process is not there."""
        channel = self._channels.get((process, 0))
        if channel is None:
            return False
        try:
            channel.notify(message)
        except IpcClosed:
            return False
        return True
