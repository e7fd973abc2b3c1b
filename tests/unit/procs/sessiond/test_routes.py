# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: batches, races by epoch, a netd that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from tests.unit.procs.sessiond.rig import FakeChannel
from wolfguard.ipc.channel import Channel
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.routes import DropRoutes, HostRoute, ListRoutes, RouteTable, SetRoutes
from wolfguard.procs.sessiond.routes import BATCH, Routes, RoutesUnavailableError


def route(number: int, epoch: int = 1, slot: int = 0) -> HostRoute:
    return HostRoute(f"10.0.{number // 250}.{number % 250}/32", slot, 1400, epoch)


class Ground:
    def __init__(self) -> None:
        self.wanted: list[HostRoute] = []
        self.routes = Routes(lambda: self.wanted)
        self.netd = FakeChannel()

    def attach(self) -> None:
        self.routes.attach(cast(Channel, self.netd))


def drive(scene: Callable[[Ground], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        ground = Ground()
        running = asyncio.create_task(ground.routes.run())
        await scene(ground)
        running.cancel()

    asyncio.run(run())


def test_setting_waits_until_somebody_is_there() -> None:
    async def scene(ground: Ground) -> None:
        setting = asyncio.create_task(ground.routes.set([route(1)]))
        await asyncio.sleep(0)
        assert not ground.routes.reachable
        ground.attach()
        await setting
        assert ground.netd.routes == {"10.0.0.1/32": route(1)}

    drive(scene)


def test_nobody_there_in_time_is_an_error() -> None:
    async def scene(ground: Ground) -> None:
        with pytest.raises(RoutesUnavailableError, match="no answer in time"):
            await ground.routes.set([route(1)], timeout=0)

    drive(scene)


def test_batches_are_bounded() -> None:
    async def scene(ground: Ground) -> None:
        ground.attach()
        await asyncio.gather(*(ground.routes.set([route(number)]) for number in range(3 * BATCH)))
        assert [len(each.routes) for each in ground.netd.of(SetRoutes)] == [BATCH] * 3

    drive(scene)


def test_of_two_waiting_for_one_address_the_newer_is_sent_and_both_are_answered() -> None:
    async def scene(ground: Ground) -> None:
        both = [asyncio.create_task(ground.routes.set([route(1, epoch)])) for epoch in (7, 5)]
        await asyncio.sleep(0)
        ground.attach()
        await asyncio.gather(*both)
        assert [each.routes for each in ground.netd.of(SetRoutes)] == [(route(1, 7),)]

    drive(scene)


def test_one_who_gives_up_takes_nobody_along() -> None:
    async def scene(ground: Ground) -> None:
        stays, leaves = (asyncio.create_task(ground.routes.set([route(1, epoch)])) for epoch in (5, 7))
        await asyncio.sleep(0)
        leaves.cancel()
        ground.attach()
        await stays
        assert ground.netd.routes == {"10.0.0.1/32": route(1, 7)}

    drive(scene)


def test_a_refused_route_does_not_take_the_others_along() -> None:
    class Strict(FakeChannel):
        async def request(self, message: Any, *, timeout: float = 10.0) -> Any:
            if isinstance(message, SetRoutes) and route(2) in message.routes:
                raise IpcError("refused", "not in a pool")
            return await super().request(message, timeout=timeout)

    async def scene(ground: Ground) -> None:
        ground.netd = Strict()
        ground.attach()
        setting = [ground.routes.set([route(number)]) for number in range(4)]
        outcomes = await asyncio.gather(*setting, return_exceptions=True)
        assert [type(each) for each in outcomes if each is not None] == [RoutesUnavailableError]
        assert sorted(ground.netd.routes) == ["10.0.0.0/32", "10.0.0.1/32", "10.0.0.3/32"]
        assert ground.routes.reachable

    drive(scene)


def test_a_drop_takes_the_highest_epoch_along() -> None:
    async def scene(ground: Ground) -> None:
        ground.attach()
        await ground.routes.send()
        ground.routes.drop([route(1, 5)])
        ground.routes.drop([route(1, 9)])
        ground.routes.drop([route(1, 7)])
        await ground.routes.send()
        assert [each.routes for each in ground.netd.of(DropRoutes)] == [(route(1, 9),)]

    drive(scene)


def test_tables_are_compared_page_by_page_when_it_comes_back() -> None:
    class Paging(FakeChannel):
        async def request(self, message: Any, *, timeout: float = 10.0) -> Any:
            if isinstance(message, ListRoutes):
                self.asked.append(message)
                later = [each for network, each in sorted(self.routes.items()) if network > message.after]
                return RouteTable(tuple(later[:2]), later[1].network if len(later) > 2 else "")
            return await super().request(message, timeout=timeout)

    async def scene(ground: Ground) -> None:
        ground.netd = Paging()
        ground.netd.routes = {each.network: each for each in (route(1), route(2), route(3), route(4), route(5))}
        ground.wanted = [route(1), route(4, 2, 1), route(6)]
        ground.attach()
        await ground.routes.send()
        await ground.routes.send()
        assert ground.netd.routes == {each.network: each for each in ground.wanted}
        assert len(ground.netd.of(ListRoutes)) == 3

    drive(scene)


def test_a_failure_fails_who_waits_and_a_detach_forgets_drops() -> None:
    async def scene(ground: Ground) -> None:
        ground.attach()
        await ground.routes.send()
        ground.netd.silent = True
        with pytest.raises(RoutesUnavailableError, match="no answer"):
            await ground.routes.set([route(1)])
        assert not ground.routes.reachable, "not asked again before a moment has passed"
        ground.routes.drop([route(2)])
        ground.routes.detach()
        ground.netd.silent = False
        ground.attach()
        await ground.routes.send()
        assert ground.netd.of(DropRoutes) == []

    drive(scene)
