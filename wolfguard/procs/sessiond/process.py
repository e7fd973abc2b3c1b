# SPDX-License-Identifier: GPL-3.0-or-later
"""sessiond as a process: the frame of a child around the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wolfguard.ipc.life import ModuleFailure, Weakened
from wolfguard.ipc.messages import Message
from wolfguard.procs.child import Channel, Child, Handler, Sender, Started
from wolfguard.procs.sessiond.module import primitives
from wolfguard.procs.sessiond.service import Service


class Sessiond(Child):
    process: ClassVar[str] = "sessiond"
    service: Service

    async def prepare(self, start: Started) -> None:
        areas = start.descriptors.get("traffic", [])
        self.service = Service(start.configuration, start.generation, areas, primitives())

    async def serve(self) -> None:
        await self.service.serve(self.stopping)

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        # The supervisor's channel stands before `prepare`.
        if peer == "supervisor":
            return {Weakened: self._weakened, ModuleFailure: self._module_failed}
        return self.service.handlers(peer)

    async def _weakened(self, message: Weakened, sender: Sender) -> None:
        self.service.weakened(message.names)

    async def _module_failed(self, message: ModuleFailure, sender: Sender) -> None:
        self.service.module_failed(message.process, message.stage, message.text)

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        # The manifest lets keyd alone have one with us.
        self.service.state.checkpoints.attach(fd)

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        self.service.attached(peer, slot, channel)

    async def detached(self, peer: str, slot: int) -> None:
        self.service.detached(peer, slot)

    async def ended(self, peer: str, slot: int, asked: bool) -> None:
        self.service.ended(peer, slot, asked)

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        return self.service.reconfigure(started.configuration, started.generation)

    async def stop(self, drain: bool) -> None:
        await self.service.stop(drain)
