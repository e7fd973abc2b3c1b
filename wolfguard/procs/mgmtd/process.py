# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd as a child process: what it opens before confinement, and what it serves after."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import ClassVar

from wolfguard.errors import StartError
from wolfguard.procs.child import Channel, Child, Started
from wolfguard.procs.mgmtd.acts import Acts
from wolfguard.procs.mgmtd.evidence import EvidenceKey
from wolfguard.procs.mgmtd.peers import Peers
from wolfguard.procs.mgmtd.roles import Accounts, read_accounts
from wolfguard.procs.mgmtd.server import Server


class Mgmtd(Child):
    process: ClassVar[str] = "mgmtd"

    def __init__(self) -> None:
        self._peers = Peers()
        self._accounts = Accounts({}, {})
        self._listener: socket.socket | None = None
        self._evidence = EvidenceKey("")

    async def prepare(self, start: Started) -> None:
        given = start.descriptors.get("management", [])
        if len(given) != 1:
            raise StartError("mgmtd got no management socket; the supervisor is of another release")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=given[0])
        self._accounts = read_accounts()
        self._evidence = EvidenceKey(start.configuration.own_keys.evidence)
        self._peers.attach("supervisor", 0, self.supervisor)

    async def serve(self) -> None:
        assert self._listener is not None  # noqa: S101 - prepare ends the start without it
        server = Server(self._listener, Acts(self._peers, self._evidence), self._accounts, clock=time.monotonic)
        serving = asyncio.create_task(server.serve())
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            serving.cancel()
            results = await asyncio.gather(serving, return_exceptions=True)
            self._listener.close()
        if isinstance(results[0], Exception):
            raise results[0]

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        self._peers.attach(peer, slot, channel)

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        # The manifest lets keyd alone have one with us.
        self._evidence.attach(fd)

    async def detached(self, peer: str, slot: int) -> None:
        self._peers.detach(peer, slot)
