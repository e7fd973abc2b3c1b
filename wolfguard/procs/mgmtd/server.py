# SPDX-License-Identifier: GPL-3.0-or-later
"""The management socket: who connects, how many at a time, and how often a refusal is written down.

Owns the listening socket's use and the bounds of what local users can take; a connection is a task (`conversation`).
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wolfguard.ipc.management import Actor
from wolfguard.procs.log import Log
from wolfguard.procs.mgmtd.acts import Acts
from wolfguard.procs.mgmtd.conversation import Conversation, Times
from wolfguard.procs.mgmtd.roles import Accounts, peer_credentials

ACCEPT_PAUSE: Final = 0.1

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Connections in all and of one user; seconds between two records of refusals to the same user."""

    connections: int = 128
    connections_per_user: int = 16
    refusal_seconds: float = 60.0
    users_remembered: int = 1024


class Server:
    """`clock` is monotonic seconds. `listener` stays the caller's."""

    def __init__(
        self,
        listener: socket.socket,
        acts: Acts,
        accounts: Accounts,
        *,
        clock: Callable[[], float],
        bounds: Bounds | None = None,
        times: Times | None = None,
    ) -> None:
        self._listener = listener
        self._acts = acts
        self._accounts = accounts
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._times = times or Times()
        self._tasks: set[asyncio.Task[None]] = set()
        self._users: Counter[int] = Counter()
        self._refused: dict[int, float] = {}

    async def serve(self) -> None:
        """Until cancelled; then every connection is closed."""
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._listener)
                except OSError as problem:
                    # Out of descriptors, most likely; callers wait in the kernel's queue meanwhile.
                    log.warning("accept_failed", error=problem.strerror)
                    await asyncio.sleep(ACCEPT_PAUSE)
                    continue
                task = loop.create_task(self._connection(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, connection: socket.socket) -> None:
        with connection:
            connection.setblocking(False)
            try:
                caller = peer_credentials(connection)
            except OSError:
                return
            if len(self._tasks) > self._bounds.connections or (
                self._users[caller.uid] >= self._bounds.connections_per_user
            ):
                log.warning("too_many_connections", uid=caller.uid)
                return
            self._users[caller.uid] += 1
            try:
                actor, role = self._accounts.actor(caller), self._accounts.role(caller)
                await Conversation(connection, actor, role, self._acts, self._note_refusal, self._times).run()
            except (OSError, TimeoutError):
                return
            except Exception:
                log.exception("connection_failed", uid=caller.uid)
            finally:
                self._users[caller.uid] -= 1
                if not self._users[caller.uid]:
                    del self._users[caller.uid]

    def _note_refusal(self, actor: Actor, act: str, detail: str) -> None:
        """A record of a refusal, at most one a minute for each user: strangers must not fill the records."""
        now = self._clock()
        if now < self._refused.get(actor.uid, now):
            return
        if len(self._refused) >= self._bounds.users_remembered:
            self._refused = {uid: until for uid, until in self._refused.items() if until > now}
            if len(self._refused) >= self._bounds.users_remembered:
                return
        self._refused[actor.uid] = now + self._bounds.refusal_seconds
        self._acts.record(actor, act, "refused", detail)
