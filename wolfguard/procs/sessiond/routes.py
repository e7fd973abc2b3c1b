# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the process of routes which worker carries which inside address.

One request is under way at a time; what comes meanwhile gathers and goes with the next, so that a thousand clients who
come back at once cost a handful of messages. Epochs settle every race: an older route never displaces a newer one, and
a drop takes away nothing newer than itself. After that process restarts, its table is compared with the wanted one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wolfguard.ipc.channel import Channel
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.routes import DropRoutes, HostRoute, ListRoutes, SetRoutes
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.waiters import settle

log = Log(__name__)

BATCH: Final = 256
WAIT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0


# Codes of errors after which it is not known what was done.
_GONE: Final = ("timeout", "closed")


class RoutesUnavailableError(Exception):
    """The route was not set in time."""


@dataclass(slots=True)
class _Waiting:
    """A route to be set, and everybody who waits for it."""

    route: HostRoute
    futures: list[asyncio.Future[None]] = field(default_factory=list)


class Routes:
    """`wanted()` gives every route that must exist now. `run` is the one sender; start it as a task."""

    def __init__(self, wanted: Callable[[], Iterable[HostRoute]]) -> None:
        self._wanted = wanted
        self._channel: Channel | None = None
        self._sets: dict[str, _Waiting] = {}
        self._drops: dict[str, HostRoute] = {}
        self._work = asyncio.Event()
        self._resync = False

    @property
    def reachable(self) -> bool:
        return self._channel is not None

    def attach(self, channel: Channel) -> None:
        self._channel = channel
        self._resync = True
        self._work.set()

    def detach(self) -> None:
        """What was dropped meanwhile is found again by comparing tables, so it need not be remembered."""
        self._channel = None
        self._drops.clear()

    async def set(self, routes: Iterable[HostRoute], timeout: float = WAIT_SECONDS) -> None:
        """Returns when the routes stand; raises RoutesUnavailableError after `timeout` seconds."""
        futures = [self._add(route) for route in routes]
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*futures)
        except (TimeoutError, IpcError) as error:
            raise RoutesUnavailableError(str(error) or "no answer in time") from error

    def drop(self, routes: Iterable[HostRoute]) -> None:
        """The routes go as soon as can be; nobody waits."""
        for route in routes:
            known = self._drops.get(route.network)
            if known is None or known.epoch < route.epoch:
                self._drops[route.network] = route
        self._work.set()

    async def run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self.send()

    async def send(self) -> None:
        """Sends all that waits, if there is anybody to send it to."""
        while self._channel is not None and (self._resync or self._sets or self._drops):
            channel = self._channel
            if self._resync:
                await self._compare(channel)
            elif self._sets:
                await self._send_sets(channel)
            else:
                await self._send_drops(channel)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _add(self, route: HostRoute) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._sets.setdefault(route.network, _Waiting(route))
        if route.epoch > waiting.route.epoch:
            waiting.route = route
        # Whoever is superseded while still waiting hears what became of the newer one.
        waiting.futures.append(future)
        self._work.set()
        return future

    async def _send_sets(self, channel: Channel) -> None:
        batch = [self._sets.pop(network) for network in list(self._sets)[:BATCH]]
        try:
            await self._ask_sets(channel, batch)
        except IpcError as error:
            if error.code in _GONE or len(batch) == 1:
                self._failed(channel, batch, error)
                return
            # One that is refused must not take the others along.
            for waiting in batch:
                try:
                    await self._ask_sets(channel, [waiting])
                except IpcError as single:
                    self._failed(channel, [waiting], single)

    async def _ask_sets(self, channel: Channel, batch: Sequence[_Waiting]) -> None:
        await channel.request(SetRoutes(tuple(waiting.route for waiting in batch)), timeout=WAIT_SECONDS)
        for waiting in batch:
            settle(waiting.futures)

    def _failed(self, channel: Channel, batch: Sequence[_Waiting], error: IpcError) -> None:
        log.warning("routes_not_set", count=len(batch), error=str(error))
        for waiting in batch:
            settle(waiting.futures, error)
        if error.code in _GONE:
            self._give_up(channel)

    async def _send_drops(self, channel: Channel) -> None:
        batch = [self._drops.pop(network) for network in list(self._drops)[:BATCH]]
        try:
            await channel.request(DropRoutes(tuple(batch)), timeout=WAIT_SECONDS)
        except IpcError as error:
            log.warning("routes_not_dropped", count=len(batch), error=str(error))
            if error.code in _GONE:
                self._give_up(channel)

    async def _compare(self, channel: Channel) -> None:
        try:
            standing = await _list(channel)
        except IpcError as error:
            log.warning("routes_not_listed", error=str(error))
            self._give_up(channel)
            return
        self._resync = False
        wanted = {route.network: route for route in self._wanted()}
        for network, route in standing.items():
            if network not in wanted and network not in self._sets:
                self.drop((route,))
        for network, route in wanted.items():
            if standing.get(network) != route and network not in self._sets:
                _ignore(self._add(route))

    def _give_up(self, channel: Channel) -> None:
        """A channel that answers "no" or nothing, but lives: everything is looked at again after a moment."""
        if self._channel is channel:
            self._channel = None
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._again, channel)

    def _again(self, channel: Channel) -> None:
        if self._channel is None and not channel.closed:
            self.attach(channel)


async def _list(channel: Channel) -> dict[str, HostRoute]:
    standing: dict[str, HostRoute] = {}
    after = ""
    while True:
        table = await channel.request(ListRoutes(after), timeout=WAIT_SECONDS)
        standing.update({route.network: route for route in table.routes})
        if not table.next:
            return standing
        after = table.next


def _ignore(future: asyncio.Future[None]) -> None:
    future.add_done_callback(lambda settled: settled.cancelled() or settled.exception())
