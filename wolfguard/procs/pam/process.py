# SPDX-License-Identifier: GPL-3.0-or-later
"""pam as a process: answers sessiond from a pool of helpers for each backend.

While nursery is away, logins are answered as unavailable; when it is back there are new helpers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import ClassVar

from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorCancel, FactorStep
from wolfguard.ipc.messages import Message
from wolfguard.procs.child import Child, Handler, Sender, Started
from wolfguard.procs.log import Log
from wolfguard.procs.pam.pool import Nursery, Pool

log = Log(__name__)


class PamProcess(Child):
    process: ClassVar[str] = "pam"

    def __init__(self) -> None:
        self._nursery = Nursery()
        self._pools: dict[str, Pool] = {}

    async def prepare(self, start: Started) -> None:
        for entry in start.configuration.backends:
            if entry.pam is not None:
                spare = min(entry.pam.spare, entry.at_once)
                pool = Pool(self._nursery, spare=spare, most=entry.at_once, timeout=entry.timeout)
                self._pools[entry.name] = pool

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        return {FactorStep: self._step, FactorCancel: self._cancel} if peer == "sessiond" else {}

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
