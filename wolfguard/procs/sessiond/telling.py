# SPDX-License-Identifier: GPL-3.0-or-later
"""Has authd tell what waits in the queues of accounting, a batch of each backend at a time, until servers confirm it.

Owns the channel and the waiting. Whatever goes wrong leaves events in their queue: authd is away, slow, or says that no
server has answered. That servers cease to answer, and that they answer again, is recorded.
"""

from __future__ import annotations

import asyncio
from typing import Final

from wolfguard.config.site import accounting_servers
from wolfguard.ipc import codec
from wolfguard.ipc.accounting import AccountingSent, NumberedEvent, SendAccounting
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import Fact
from wolfguard.procs.sessiond.queue import Waiting
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import FAILURE, SUCCESS

PROCESS: Final = "authd"
BATCH: Final = 64
BATCH_BYTES: Final = codec.DATAGRAM_LIMIT - 4096
MARGIN_SECONDS: Final = 5.0
AWAY: Final = AccountingSent((), reason="away")


class Telling:
    def __init__(self, state: State) -> None:
        self._state = state
        self._accounts = state.accounts
        self._channel: Channel | None = None
        # A batch goes to every server of its backend, one after the other, before it comes back.
        self._patience = {
            backend.name: backend.radius.response * len(accounting_servers(backend.radius)) + MARGIN_SECONDS
            for backend in state.settings.configuration.backends
            if backend.radius is not None
        }
        self._settled = asyncio.Event()

    def attach(self, process: str, channel: Channel) -> None:
        if process != PROCESS:
            return
        self._channel = channel
        for name, queue in self._accounts.queues.items():
            queue.again()
            self._accounts.news[name].set()

    def detach(self, process: str) -> None:
        if process == PROCESS:
            self._channel = None

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in self._accounts.queues:
                group.create_task(self._tell_on(name), name=f"accounting-{name}")
            group.create_task(asyncio.Event().wait())

    async def drained(self) -> None:
        """Returns when nothing waits that could go out."""
        while self._channel is not None and not self._accounts.idle:
            self._settled.clear()
            await self._settled.wait()

    def facts(self) -> tuple[Fact, ...]:
        """For the status: a line for each backend."""
        return tuple(Fact(f"accounting {name}", self._fact(name)) for name in self._accounts.queues)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _tell_on(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        queue, news = self._accounts.queues[name], self._accounts.news[name]
        while True:
            news.clear()
            batch = self._batch(name) if self._channel is not None else ()
            if batch:
                await self._tell(name, batch)
                continue
            due = queue.next_due(loop.time()) if self._channel is not None else None
            try:
                async with asyncio.timeout_at(due):
                    await news.wait()
            except TimeoutError:
                continue

    def _batch(self, name: str) -> tuple[Waiting, ...]:
        """As much as one message holds, but at least one event."""
        queue = self._accounts.queues[name]
        batch = queue.batch(asyncio.get_running_loop().time(), BATCH)
        room = BATCH_BYTES
        for place, waiting in enumerate(batch):
            room -= len(codec.encode(waiting.event)) + 32
            if room < 0 and place:
                queue.spare(batch[place:])
                return batch[:place]
        return batch

    async def _tell(self, name: str, batch: tuple[Waiting, ...]) -> None:
        queue = self._accounts.queues[name]
        answer = AWAY
        try:
            answer = await self._ask(name, batch)
        finally:
            now = asyncio.get_running_loop().time()
            changed = queue.settle(batch, set(answer.done), set(answer.unfit), now)
            self._accounts.settled(name)
            self._settled.set()
        if changed:
            self._state.ledger.record(
                "accounting.answered" if queue.answered else "accounting.unanswered",
                SUCCESS if queue.answered else FAILURE,
                where="sessiond",
                reason="" if queue.answered else answer.reason,
                backend=name,
                count=len(queue),
            )

    async def _ask(self, name: str, batch: tuple[Waiting, ...]) -> AccountingSent:
        channel = self._channel
        if channel is None or channel.closed:
            return AWAY
        events = tuple(NumberedEvent(waiting.number, waiting.event) for waiting in batch)
        try:
            answer: AccountingSent = await channel.request(
                SendAccounting(name, events), timeout=self._patience.get(name, MARGIN_SECONDS)
            )
        except IpcError as error:
            return AccountingSent((), reason=error.code)
        return answer

    def _fact(self, name: str) -> str:
        queue = self._accounts.queues[name]
        words = [f"{len(queue)} waiting"]
        if queue:
            words.append(f"the oldest for {max(0, self._state.now() - queue.oldest)} s")
        if not queue.answered:
            words.append("no server answers")
        if queue.lost:
            words.append(f"{sum(queue.lost.values())} lost")
        return ", ".join(words)
