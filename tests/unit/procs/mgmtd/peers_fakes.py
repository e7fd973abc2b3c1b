# SPDX-License-Identifier: GPL-3.0-or-later
"""The other processes as mgmtd sees them, and a caller on a real Unix socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from wolfguard.ipc.management import AskModuleStates, ModuleStates, ProcessModule
from wolfguard.ipc.messages import Notice, Reply, Request
from wolfguard.module_state import INTACT, PASSED, ModuleState, SelfTest
from wolfguard.procs.mgmtd.acts import Acts
from wolfguard.procs.mgmtd.conversation import Times
from wolfguard.procs.mgmtd.evidence import EvidenceKey
from wolfguard.procs.mgmtd.peers import Peers
from wolfguard.procs.mgmtd.roles import Accounts
from wolfguard.procs.mgmtd.server import Bounds, Server


@dataclass
class FakePeer:
    """Answers from a table by the type of the message: a reply, an exception to raise, or a function of the message."""

    answers: dict[type[Request], Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)

    async def request(self, message: Request, *, timeout: float = 0) -> Reply:
        self.asked.append(message)
        answer = self.answers[type(message)]
        if callable(answer):
            answer = answer(message)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Reply)
        return answer

    def notify(self, message: Notice) -> None:
        self.told.append(message)


MODULES = (
    ProcessModule("keyd", 0, ModuleState("5.9.2", "", INTACT, 18400, (SelfTest("sha256", PASSED, 46),))),
    ProcessModule("worker", 0, None),
)


def module_states(message: Request) -> ModuleStates:
    """One process a page."""
    assert isinstance(message, AskModuleStates)
    end = message.after + 1
    return ModuleStates(MODULES[message.after : end], end if end < len(MODULES) else 0)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Gateway:
    """A server on a Unix socket, with fakes behind it."""

    path: Path
    peers: Peers
    sessiond: FakePeer
    supervisor: FakePeer
    clock: Clock
    callers: list[Caller] = field(default_factory=list)

    async def connect(self) -> Caller:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, str(self.path))
        self.callers.append(Caller(connection))
        return self.callers[-1]


class Caller:
    """One connection, spoken to in HTTP by a client of another library than the server's own frame."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = [("Host", "localhost"), ("Content-Length", str(len(content)))]
        data = self._http.send(h11.Request(method=method, target=target, headers=headers)) or b""
        data += self._http.send(h11.Data(data=content)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        await self.send(data)
        return await self.answer()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def answer(self) -> tuple[int, Any]:
        status, body = 0, b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self.receive())
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                return status, json.loads(body)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.connection, 65536)

    def close(self) -> None:
        self.connection.close()


@asynccontextmanager
async def gateway(
    folder: Path,
    accounts: Accounts,
    *,
    bounds: Bounds | None = None,
    times: Times | None = None,
    evidence: EvidenceKey | None = None,
) -> AsyncIterator[Gateway]:
    """Serves until the block ends."""
    path = folder / "control.sock"
    peers = Peers()
    sessiond, supervisor, clock = FakePeer(), FakePeer(answers={AskModuleStates: module_states}), Clock()
    peers.attach("sessiond", 0, sessiond)
    peers.attach("supervisor", 0, supervisor)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        acts = Acts(peers, evidence or EvidenceKey(""))
        server = Server(listener, acts, accounts, clock=clock, bounds=bounds, times=times)
        task = asyncio.create_task(server.serve())
        site = Gateway(path, peers, sessiond, supervisor, clock)
        try:
            yield site
        finally:
            for caller in site.callers:
                caller.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def run(test: Callable[[], Any]) -> None:
    """A coroutine function to its end, with a limit that no good run comes near."""

    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(limited())
