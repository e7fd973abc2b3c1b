# SPDX-License-Identifier: GPL-3.0-or-later
"""sessiond in the frame of a child, with the real module."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import cast

from tests.unit.procs.sessiond.rig import ADMIN, PASSWORD, FakeChannel, a_configuration, peer
from wolfguard.config.site import Passwords
from wolfguard.ipc.channel import Channel, Sender
from wolfguard.ipc.life import Weakened
from wolfguard.ipc.logins import LoginStep, TlsFacts
from wolfguard.ipc.management import AddUser
from wolfguard.procs.child import Started
from wolfguard.procs.sessiond.process import Sessiond
from wolfguard.secret import Secret


def test_one_life_in_the_frame_of_a_child(tmp_path: Path) -> None:
    configuration = a_configuration(tmp_path, passwords=Passwords(iterations=1000))
    area = os.memfd_create("traffic")
    os.ftruncate(area, 64 * 64)

    async def run() -> None:
        child = Sessiond()
        child.stopping = asyncio.Event()
        weakened = child.handlers("supervisor")[Weakened]
        await child.prepare(Started(0, 1, 1, configuration, {"traffic": [area]}))
        serving = asyncio.create_task(child.serve())
        await weakened(Weakened(("no-landlock",)), Sender("supervisor", 0))
        await child.service.state.ledger.flushed()
        texts, _ = await child.service.state.ledger.read(0, 10, 0)
        assert '"event":"gateway.weakened","fields":{"names":"no-landlock"}' in texts[-1]
        await child.attached("worker", 0, cast(Channel, FakeChannel()))
        handler = child.handlers("mgmtd")[AddUser]
        await handler(AddUser(ADMIN, "anna", Secret(PASSWORD), ()), Sender("mgmtd", 0))
        fields = (("username", Secret(b"anna")), ("password", Secret(PASSWORD)))
        step = LoginStep("", "main", peer(), TlsFacts("", "", "", "", True, ""), "", "", fields)
        answer = await child.handlers("worker")[LoginStep](step, Sender("worker", 0))
        assert getattr(answer, "state", "") == "done"
        changed = replace(configuration, passwords=Passwords(iterations=1000, threads=7))
        assert await child.reconfigure(Started(0, 1, 2, changed, {})) == ("passwords.threads",)
        await child.detached("worker", 0)
        await child.stop(drain=True)
        child.stopping.set()
        await serving
        child.service.state.counters.close()

    asyncio.run(run())
