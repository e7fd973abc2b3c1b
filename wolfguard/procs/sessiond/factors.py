# SPDX-License-Identifier: GPL-3.0-or-later
"""The performer of backends that live in other processes: asks authd or pam, within each backend's limits.

Owns the channels, the limits (so many steps at a time, so many waiting, so long) and the cancelling. Whatever goes
wrong becomes an answer "unavailable" with a reason: a process that is away, a full queue, silence. Must not know what
answers mean.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.remote import FactorWork
from wolfguard.config.site import Backend
from wolfguard.errors import LocalError
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.errors import IpcClosed, IpcError, IpcTimeout
from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorCancel, FactorStep, HeldFor
from wolfguard.ipc.logins import Peer
from wolfguard.procs.log import Log

log = Log(__name__)

HOMES: Final[Mapping[str, str]] = {"pam": "pam", "plugin": "authd", "radius": "authd"}
"""The process in which backends of a type live."""
MARGIN_SECONDS: Final = 5.0
"""The other process keeps the time limit itself; this is for one that does not."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a login comes from, for a backend that wants to know."""

    site: str
    peer: Peer
    user_agent: str


class Gate:
    """So many at a time, so many behind them, none longer than patience (seconds)."""

    def __init__(self, concurrency: int, queue: int, patience: float) -> None:
        self._free = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._patience = patience
        self._waiting = 0

    async def enter(self) -> bool:
        """False: too many wait already, or it took too long. Else `leave` must follow."""
        if self._waiting >= self._queue and self._free.locked():
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def leave(self) -> None:
        self._free.release()


class Factors:
    """`backends` are those of the site file, by name. Channels come and go with the processes."""

    def __init__(self, backends: Iterable[Backend]) -> None:
        self._backends = {backend.name: backend for backend in backends if backend.type in HOMES}
        self._gates = {
            backend.name: Gate(backend.at_once, backend.queue, backend.patience) for backend in self._backends.values()
        }
        self._channels: dict[str, Channel] = {}

    def attach(self, process: str, channel: Channel) -> None:
        if process in HOMES.values():
            self._channels[process] = channel

    def detach(self, process: str) -> None:
        self._channels.pop(process, None)

    async def perform(self, work: FactorWork, origin: Origin) -> FactorAnswer:
        """The backend's answer. Cancelled, it tells the other process."""
        backend = self._backends.get(work.backend)
        if backend is None:
            raise LocalError(f"no backend {work.backend} lives in another process")
        gate = self._gates[backend.name]
        if not await gate.enter():
            return _unavailable("busy")
        try:
            return await self._ask(backend, work, origin)
        finally:
            gate.leave()

    def cancel(self, conversations: Iterable[str]) -> None:
        """Nothing more comes of these."""
        for conversation in conversations:
            for channel in self._channels.values():
                if not channel.closed:
                    with contextlib.suppress(IpcClosed):
                        channel.notify(FactorCancel(conversation))

    def hold(self, conversations: Iterable[str], session: int) -> None:
        """A login has become a session: what is still kept for it elsewhere is its own now, or of no use."""
        for conversation in conversations:
            for process, channel in self._channels.items():
                if not channel.closed:
                    notice = HeldFor(conversation, session) if process == "pam" else FactorCancel(conversation)
                    with contextlib.suppress(IpcClosed):
                        channel.notify(notice)

    async def _ask(self, backend: Backend, work: FactorWork, origin: Origin) -> FactorAnswer:
        channel = self._channels.get(HOMES[backend.type])
        if channel is None or channel.closed:
            return _unavailable("away")
        step = FactorStep(
            conversation=work.conversation,
            backend=backend.name,
            number=work.number,
            site=origin.site,
            user=work.user,
            peer=origin.peer,
            user_agent=origin.user_agent,
            answers=work.answers,
            context=work.context,
        )
        try:
            answer: FactorAnswer = await channel.request(step, timeout=backend.timeout + MARGIN_SECONDS)
        except asyncio.CancelledError:
            self.cancel([work.conversation])
            raise
        except IpcTimeout:
            self.cancel([work.conversation])
            return _unavailable("timeout")
        except IpcClosed:
            return _unavailable("away")
        except IpcError as error:
            log.warning("factor_refused", backend=backend.name, error=error.code)
            return _unavailable("busy" if error.code == "busy" else "failed")
        return answer


def _unavailable(reason: str) -> FactorAnswer:
    return FactorAnswer(UNAVAILABLE, reason=reason)
