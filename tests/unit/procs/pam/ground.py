# SPDX-License-Identifier: GPL-3.0-or-later
"""A nursery at the other end of pam's socket, in this process: helpers are sockets that the test plays."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from wolfguard.ipc import codec
from wolfguard.ipc.factors import FactorAnswer, FactorStep
from wolfguard.ipc.logins import Peer
from wolfguard.procs.pam.nursery import Nursery
from wolfguard.secret import Secret

LIMIT = 10.0


class Ground:
    """`nursery` is pam's side. `words` are what it was told, `helpers` the helpers' ends of sockets by number."""

    def __init__(self) -> None:
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._theirs.setblocking(False)
        self.nursery = Nursery()
        self.nursery.attach(ours)
        self.words: list[str] = []
        self.helpers: dict[int, socket.socket] = {}

    def hear(self) -> list[str]:
        """Takes all words so far."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._theirs, 64, 1)
            except BlockingIOError:
                return self.words
            word = data.decode()
            self.words.append(word)
            if word.startswith("+"):
                helper = socket.socket(fileno=descriptors[0])
                helper.setblocking(False)
                self.helpers[int(word[1:])] = helper

    async def asked(self, number: int) -> FactorStep:
        """The next step that this helper is given."""
        await until(lambda: number in self.helpers or (self.hear() and number in self.helpers))
        async with asyncio.timeout(LIMIT):
            data = await asyncio.get_running_loop().sock_recv(self.helpers[number], codec.DATAGRAM_LIMIT)
        return codec.decode(FactorStep, data)

    def say(self, number: int, answer: FactorAnswer | bytes) -> None:
        self.helpers[number].send(answer if isinstance(answer, bytes) else codec.encode(answer))

    def die(self, number: int) -> None:
        self.helpers[number].close()

    def close(self) -> None:
        for each in (self._theirs, *self.helpers.values()):
            each.close()
        left = self.nursery.detach()
        if left is not None:
            left.close()


def step(conversation: str = "c1", number: int = 0, password: bytes = b"secret") -> FactorStep:
    answers = (("password", Secret(password)),)
    peer = Peer("192.0.2.7", 1234, "192.0.2.1", 443)
    return FactorStep(conversation, "corp", number, "main", "pia", peer, "agent", answers, Secret(b""))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


def play(scene: Callable[[Ground], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        ground = Ground()
        try:
            await scene(ground)
        finally:
            ground.close()

    asyncio.run(run())
