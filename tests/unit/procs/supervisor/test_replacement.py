# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a replacement and its way back, over children that do nothing but end and start."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import cast

from wolfguard.errors import LocalError
from wolfguard.procs.supervisor.installed import Program
from wolfguard.procs.supervisor.replacement import DONE, RUNNING, Replacement
from wolfguard.procs.supervisor.supervised import State, Supervised
from wolfguard.sandbox.processes import PROCESSES

OLD = Program(Path("/old"), "/old/python", "1.0")
NEW = Program(Path("/new"), "/new/python", "1.1")


class Launch:
    def __init__(self) -> None:
        self.program = OLD

    def command(self, process: str, slot: int | None) -> tuple[str, ...]:
        return ()


class Child:
    """Starts again by itself when it was stopped, of the launch's program; `bad` ones of NEW end at their start."""

    def __init__(self, name: str, slot: int, ground: Ground) -> None:
        self.process = PROCESSES[name]
        self.name = f"{name}/{slot}"
        self.starts = 1
        self.state = State.SERVING
        self.failure = ""
        self._ground = ground

    @property
    def serving(self) -> bool:
        return self.state is State.SERVING

    async def stop(self, drain: bool) -> None:
        if self.state is not State.DOWN:
            self._ground.said.append(f"{'drain' if drain else 'stop'} {self.name}")
            self.state = State.DOWN
        asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        program = self._ground.launch.program
        self._ground.said.append(f"{program.version} {self.name}")
        self.starts += 1
        bad = program is NEW and self.name in self._ground.bad
        self.state = State.DOWN if bad else State.SERVING
        self.failure = "it ended with status 9" if bad else ""
        self._ground.changed.set()


class Ground:
    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.said: list[str] = []
        self.launch = Launch()
        self.changed = asyncio.Event()
        self.tasks: list[asyncio.Task[object]] = []
        names = [("mgmtd", 0), ("worker", 0), ("worker", 1), ("sessiond", 0), ("keyd", 0)]
        self.children = [Child(name, slot, self) for name, slot in names]

    def replacement(self) -> Replacement:
        children = cast("list[Supervised]", self.children)
        return Replacement(children, self.launch, lambda: NEW, self.changed)

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def over(self) -> None:
        await asyncio.gather(*self.tasks)


def both(*names: str, version: str = "1.1") -> list[str]:
    return [f"{word} {name}" for name in names for word in ("drain", version)]


def test_one_after_the_other_and_last_the_one_that_answers() -> None:
    async def scenario() -> None:
        ground = Ground()
        replacement = ground.replacement()
        begun = replacement.begin(ground.spawn)
        assert (begun.version, begun.error, replacement.state) == ("1.1", "", RUNNING)
        assert "already" in replacement.begin(ground.spawn).error
        await ground.over()
        assert ground.said == both("keyd/0", "sessiond/0", "worker/0", "worker/1", "mgmtd/0")
        assert (replacement.state, ground.launch.program) == (DONE, NEW)

    asyncio.run(scenario())


def test_all_that_were_touched_go_back() -> None:
    async def scenario() -> None:
        ground = Ground("worker/0")
        replacement = ground.replacement()
        replacement.begin(ground.spawn)
        await ground.over()
        back = both("keyd/0", "sessiond/0", version="1.0")
        assert ground.said == [*both("keyd/0", "sessiond/0", "worker/0"), *back, "1.0 worker/0"]
        assert replacement.state == "worker/0 does not start: it ended with status 9; the version before runs on"
        assert ground.launch.program is OLD
        assert all(child.serving for child in ground.children)
        # and it can be tried again
        ground.bad = ()
        assert replacement.begin(ground.spawn).error == ""
        await ground.over()
        assert replacement.state == DONE

    asyncio.run(scenario())


def test_nothing_to_go_over_to() -> None:
    def find() -> Program:
        raise LocalError("no version is installed")

    async def scenario() -> None:
        ground = Ground()
        children = cast("list[Supervised]", ground.children)
        replacement = Replacement(children, ground.launch, find, ground.changed)
        assert replacement.begin(ground.spawn).error == "no version is installed"
        assert (ground.tasks, replacement.state) == ([], "")

    asyncio.run(scenario())
