# SPDX-License-Identifier: GPL-3.0-or-later
"""pam as a process: answers sessiond from a pool of helpers for each backend.

While nursery is away, logins are answered as unavailable; when it is back there are new helpers. A helper that has lost
a session of PAM is told to sessiond.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import ClassVar

from wolfguard.ipc.channel import Channel
from wolfguard.ipc.errors import IpcClosed
from wolfguard.ipc.factors import (
    UNAVAILABLE,
    FactorAnswer,
    FactorCancel,
    FactorStep,
    HeldFor,
    HeldLost,
    HeldSessions,
    ListHeld,
    SessionEnded,
)
from wolfguard.ipc.messages import Message
from wolfguard.procs.child import Child, Handler, Sender, Started
from wolfguard.procs.log import Log
from wolfguard.procs.pam.held import Held
from wolfguard.procs.pam.nursery import Nursery
from wolfguard.procs.pam.pool import Pool

log = Log(__name__)


class PamProcess(Child):
    process: ClassVar[str] = "pam"

    def __init__(self) -> None:
        self._nursery = Nursery()
        self._pools: dict[str, Pool] = {}
        self._sessiond: Channel | None = None

    async def prepare(self, start: Started) -> None:
        for entry in start.configuration.backends:
            if entry.pam is not None:
                spare = min(entry.pam.spare, entry.at_once)
                held = Held(self._nursery, entry.pam.sessions, self._tell_of(entry.name)) if entry.pam.session else None
                self._pools[entry.name] = Pool(
                    self._nursery, spare=spare, most=entry.at_once, timeout=entry.timeout, held=held
                )

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        if peer != "sessiond":
            return {}
        return {
            FactorStep: self._step,
            FactorCancel: self._cancel,
            HeldFor: self._held_for,
            SessionEnded: self._session_ended,
            ListHeld: self._list_held,
        }

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        self._sessiond = channel

    async def detached(self, peer: str, slot: int) -> None:
        self._sessiond = None

    async def stop(self, drain: bool) -> None:
        """Sessions of PAM end with this process."""
        held = self._held()
        for each in held:
            each.close_all()
        await asyncio.gather(*(each.gone() for each in held))

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        self._lost()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=fd)
        self._nursery.attach(sock)
        # It never speaks: its socket becomes readable when it has ended.
        asyncio.get_running_loop().add_reader(sock, self._lost)
        for pool in self._pools.values():
            pool.fill()

    def _lost(self) -> None:
        sock = self._nursery.detach()
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
            for pool in self._pools.values():
                pool.forget_spare()

    async def _step(self, message: FactorStep, sender: Sender) -> FactorAnswer:
        pool = self._pools.get(message.backend)
        if pool is None:
            return FactorAnswer(UNAVAILABLE, reason="backend")
        return await pool.step(message)

    async def _cancel(self, message: FactorCancel, sender: Sender) -> None:
        for pool in self._pools.values():
            pool.cancel(message.conversation)

    async def _held_for(self, message: HeldFor, sender: Sender) -> None:
        for pool in self._pools.values():
            if pool.held is not None and message.conversation in pool.held:
                pool.held.give(message.conversation, message.session)
            else:
                # It asked for something when the login went another way.
                pool.cancel(message.conversation)

    async def _session_ended(self, message: SessionEnded, sender: Sender) -> None:
        for each in self._held():
            for session in message.sessions:
                each.ended(session)

    async def _list_held(self, message: ListHeld, sender: Sender) -> HeldSessions:
        for each in self._held():
            # The sessiond that would have said whose they are is no more.
            each.close_unclaimed()
        return HeldSessions(tuple(session for each in self._held() for session in each.sessions))

    def _held(self) -> list[Held]:
        return [pool.held for pool in self._pools.values() if pool.held is not None]

    def _tell_of(self, backend: str) -> Callable[[int, str], None]:
        def lost(session: int, reason: str) -> None:
            if self._sessiond is not None:
                with contextlib.suppress(IpcClosed):
                    self._sessiond.notify(HeldLost(backend, session, reason))

        return lost
