# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens, and whoever dies in between, servers are told of each session's beginning and end once, in order,
and of totals that never shrink and count nothing twice."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.procs.sessiond.test_accounts import INTERVAL, Stage, whole_gateway_dies
from wolfguard.ipc.accounting import INTERIM, START, STOP, AccountingEvent
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.logins import Logout
from wolfguard.ipc.tunnels import LiveTunnel, TunnelGrant
from wolfguard.secret import Secret

ACTS = ("log in", "reconnect", "carry", "wait", "wait long", "log out", "no server", "server", "sessiond", "gateway")


class World:
    """A gateway and its one server. `carried`: what each session has carried in truth; `counted`: since the gateway was
    started, as its counters have it."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.grants: dict[int, TunnelGrant] = {}
        self.cookies: dict[int, Secret] = {}
        self.carried: dict[int, int] = defaultdict(int)
        self.counted: dict[int, int] = defaultdict(int)
        self.gateways = 1

    async def play(self, acts: list[str]) -> None:
        while acts:
            async with self.stage:
                while acts:
                    act = acts.pop(0)
                    if act in ("sessiond", "gateway"):
                        await self.stage.rig.settle()
                        break
                    with suppress(IpcError):
                        await self.act(act)
            if act in ("sessiond", "gateway"):
                self.dies(act)
        self.stage.authd.down = False
        async with self.stage:
            for cookie in self.cookies.values():
                await self.stage.rig.ask(Logout(cookie), "worker")
            async with asyncio.timeout(20):
                while any(self.stage.rig.child.state.accounts.queues.values()):
                    await self.stage.rig.settle()
                    await asyncio.sleep(0)

    async def act(self, act: str) -> None:
        rig = self.stage.rig
        newest = max(self.grants, default=0)
        match act:
            case "log in":
                cookie = await rig.log_in()
                grant = await rig.open(cookie)
                self.grants[grant.session], self.cookies[grant.session] = grant, cookie
            case "reconnect" if newest:
                self.grants[newest] = await rig.open(self.cookies[newest])
            case "carry":
                for session in rig.child.state.sessions:
                    # A worker counts for the tunnels that it has.
                    if session.state == "connected" and session.number in self.grants:
                        self.carried[session.number] += 100
                        self.counted[session.number] += 100
                        counted = self.counted[session.number]
                        self.stage.carry(self.grants[session.number], counted, counted)
            case "wait":
                rig.pass_time(INTERVAL)
            case "wait long":
                rig.pass_time(4000)
            case "log out" if newest:
                await rig.ask(Logout(self.cookies[newest]), "worker")
            case "no server":
                self.stage.authd.down = True
            case "server":
                self.stage.authd.down = False
                self.stage.attach()
        await rig.settle()

    def dies(self, what: str) -> None:
        if what == "gateway":
            whole_gateway_dies(self.stage)
            self.counted.clear()
            self.gateways += 1
            return
        alive = tuple(LiveTunnel(grant.session, grant.epoch) for grant in self.grants.values())
        self.stage.rig.workers[0].tunnels = alive


@settings(max_examples=60)
@given(st.lists(st.sampled_from(ACTS), max_size=14))
def test_each_session_is_told_of_once_and_whole(acts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        asyncio.run(world.play(["log in", *acts]))
    told: dict[int, list[AccountingEvent]] = defaultdict(list)
    for event in world.stage.authd.told:
        # One that comes twice is the same to the last bit, so that a server knows it.
        if event.session and event not in told[event.session]:
            told[event.session].append(event)
    assert set(told) == set(world.grants)
    for session, events in told.items():
        kinds = [event.kind for event in events]
        assert kinds == [START, *[INTERIM] * (len(kinds) - 2), STOP]
        assert len({event.id for event in events}) == len({event.began for event in events}) == 1
        totals = [event.traffic.received_bytes for event in events]
        assert totals == sorted(totals)
        assert totals[-1] <= world.carried[session]
        if world.gateways == 1:
            assert totals[-1] == world.carried[session]
