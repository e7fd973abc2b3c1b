# SPDX-License-Identifier: GPL-3.0-or-later
"""Every process replaced by a fresh one of the version that is installed now, one after the other, while clients stay.

A process is told to end without a goodbye; what it had is kept here, and the next one starts on the same sockets and
devices. When one of the new version does not start, all go back to the program that they had. The supervisor itself
stays what it is. Owns the order and the way back; must not know where versions are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from wolfguard.errors import LocalError
from wolfguard.ipc.management import ReplacementBegun
from wolfguard.procs import log
from wolfguard.procs.supervisor.installed import Program
from wolfguard.procs.supervisor.spawning import Launch
from wolfguard.procs.supervisor.supervised import State, Supervised

RUNNING: Final = "running"
DONE: Final = "done"
START_SECONDS: Final = 60.0
ASKED: Final = "mgmtd"
"""Through whom it is asked for, and how it goes: the last one, so that the answer arrives."""

events = log.Log(__name__)


class Replacement:
    """One at a time. `changed` is set whenever a child serves or has ended; `find` looks for the installed program and
    may raise LocalError."""

    def __init__(
        self, children: Sequence[Supervised], launch: Launch, find: Callable[[], Program], changed: asyncio.Event
    ) -> None:
        self._children = children
        self._launch = launch
        self._find = find
        self._changed = changed
        self.state = ""

    def begin(self, spawn: Callable[[Coroutine[object, object, object]], None]) -> ReplacementBegun:
        """Looks whether it can be done, and has the rest done by `spawn`."""
        if self.state == RUNNING:
            return ReplacementBegun("", "the processes are being replaced already; `wolfguard status` says how it goes")
        try:
            program = self._find()
        except LocalError as error:
            return ReplacementBegun("", str(error))
        self.state = RUNNING
        spawn(self._run(program))
        return ReplacementBegun(program.version, "")

    async def _run(self, program: Program) -> None:
        before, self._launch.program = self._launch.program, program
        events.info("replacing", version=program.version)
        touched: list[Supervised] = []
        try:
            for child in sorted(self._children, key=lambda child: (child.process.name == ASKED, child.process.stage)):
                touched.append(child)
                await self._replace(child)
        except LocalError as error:
            self._launch.program = before
            events.error("not_replaced", version=program.version, error=str(error))
            for child in touched:
                # One that does not come back now is started again and again, as after any death.
                with contextlib.suppress(LocalError):
                    await self._replace(child)
            self.state = f"{error}; the version before runs on"
            return
        self.state = DONE
        events.info("replaced", version=program.version)

    async def _replace(self, child: Supervised) -> None:
        """Raises LocalError when the fresh one ends, or is late."""
        life = child.starts
        await child.stop(drain=True)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not (child.serving and child.starts > life):
                    if child.state is State.DOWN and child.starts > life:
                        raise LocalError(f"{child.name} does not start: {child.failure}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise LocalError(f"{child.name} was not ready after {START_SECONDS:g} s") from None
