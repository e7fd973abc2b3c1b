# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as one service: start in stages, restart of what dies, reload, orderly stop.

Owns the decisions over all processes. During the first start any failure ends everything; afterwards a process that
dies is started again, after a wait that grows, while the others serve on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.ipc.channel import Handler, Sender
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import ModuleFailure, Offence, Weakened
from wolfguard.ipc.management import (
    AskModuleStates,
    AskSupervisorStatus,
    ModuleStates,
    Reload,
    ReloadReport,
    Replace,
    ReplacementBegun,
    Shutdown,
    SupervisorStatus,
)
from wolfguard.ipc.messages import Done, Message
from wolfguard.linux import orphans
from wolfguard.linux.systemd import Notifier
from wolfguard.procs import log
from wolfguard.procs.supervisor import ModuleFailedError, ProcessStartError, configuration, installed, status
from wolfguard.procs.supervisor.edges import Joints, edges
from wolfguard.procs.supervisor.holdings import Holdings, open_holdings
from wolfguard.procs.supervisor.reload import Reloader
from wolfguard.procs.supervisor.replacement import Replacement
from wolfguard.procs.supervisor.spawning import Launch
from wolfguard.procs.supervisor.supervised import State, Supervised
from wolfguard.sandbox import weakening
from wolfguard.sandbox.manifest import Process
from wolfguard.sandbox.processes import PROCESSES

READY_SECONDS: Final = 60.0
MODULE_FAILURES_MOST: Final = 2
"""So many starts of a process in a row may its cryptographic module end; then the gateway ends. That it ends a process
at work is no reason: what counts is whether a fresh one, which has heard nobody yet, has a module that works."""
RECORDER: Final = "sessiond"
"""The process that keeps the records."""
FORKS: Final = "nursery"
"""The one process that has children, which may outlive it."""

events = log.Log(__name__)


def run(command: Sequence[str], launch: Launch) -> None:
    """Resolves, opens, starts, serves until told to stop. Raises LocalError when the gateway cannot start."""
    resolved = configuration.resolve(command)
    processes = wanted(PROCESSES.values(), resolved)
    holdings = open_holdings(resolved, processes)
    try:
        with asyncio.Runner() as runner:
            runner.run(_serve(command, launch, processes, holdings))
    finally:
        holdings.close()


def wanted(processes: Iterable[Process], resolved: Configuration) -> list[Process]:
    """Those that this configuration has work for."""
    types = {backend.type for backend in resolved.backends}
    return [process for process in processes if not process.when or process.when in types]


async def _serve(command: Sequence[str], launch: Launch, processes: list[Process], holdings: Holdings) -> None:
    def resolve() -> Configuration:
        return configuration.resolve(configuration.reading_command(command, launch.program.python))

    await Service(processes, launch, holdings, resolve, Notifier(os.environ)).run()


class Service:
    """All processes and what is done with them. `resolve` reads the configuration anew; it may block."""

    def __init__(
        self,
        processes: Sequence[Process],
        launch: Launch,
        holdings: Holdings,
        resolve: Callable[[], Configuration],
        notifier: Notifier,
    ) -> None:
        self._holdings = holdings
        self._notifier = notifier
        self._joints = Joints(edges(holdings.generation.configuration.handshake_threads))
        self._started = int(time.time())
        self._end = asyncio.Event()
        self._keep = False
        self._changed = asyncio.Event()
        self._up = False
        self._served = False
        self._broken = ""
        self._tasks: set[asyncio.Task[object]] = set()
        self._children = [
            Supervised(process, slot, launch, self._handlers(process.name), self._on_ready, self._on_down)
            for process in sorted(processes, key=lambda process: process.stage)
            for slot in range(holdings.slots if process.per_slot else 1)
        ]
        self._reloader = Reloader(holdings, self._children, resolve, notifier, self._summary)
        self._launch = launch
        own = launch.program
        loaded = [module for name, module in sys.modules.items() if name.partition(".")[0] == installed.PACKAGE]

        def find() -> installed.Program:
            return installed.installed(own, Path(sys.prefix), self._started, loaded)

        self._replacement = Replacement(self._children, launch, find, self._changed)

    async def run(self) -> None:
        """Returns after an orderly stop. Raises StartError when the start fails, or ModuleFailedError when the
        cryptographic module does not work any more; then nothing runs any more."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log.loop_error)
        if any(child.process.name == FORKS for child in self._children):
            orphans.adopt()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        try:
            await self._start()
            if not self._end.is_set():
                self._up = self._served = True
                self._warn_of_weakenings()
                self._notifier.ready(self._summary())
                events.info("serving", slots=self._holdings.slots, listeners=",".join(self._holdings.addresses))
                await self._until_end()
        finally:
            self._up = False
            self._end.set()
            self._notifier.stopping("stopping")
            for task in self._tasks:
                task.cancel()
            await self._stop()
            events.info("stopped")
        if self._broken:
            raise ModuleFailedError(self._broken)

    # --- start and stop ---------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        # All programs load at once, which takes the time; then stage after stage hears what to work with.
        for child in self._children:
            child.spawn()
        for _, group in groupby(self._children, key=lambda child: child.process.stage):
            stage = list(group)
            for child in stage:
                self._tell(child)
            await self._until_serving(stage)

    async def _until_serving(self, stage: list[Supervised]) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not all(child.serving for child in stage) and not self._end.is_set():
                    for child in self._children:
                        if child.state is State.DOWN:
                            kind = ModuleFailedError if child.module_failure else ProcessStartError
                            raise kind(f"{child.name} cannot start: {child.failure}")
                    self._changed.clear()
                    await self._any(self._changed, self._end)
        except TimeoutError:
            late = ", ".join(child.name for child in stage if not child.serving)
            raise ProcessStartError(f"not ready after {READY_SECONDS:g} s: {late}; see the log above") from None

    async def _until_end(self) -> None:
        period = self._notifier.watchdog
        while not self._end.is_set():
            self._notifier.alive()
            try:
                async with asyncio.timeout(period):
                    await self._end.wait()
            except TimeoutError:
                continue

    async def _stop(self) -> None:
        """Those who hear the network first, those whom they need last."""
        stages = sorted({child.process.stage for child in self._children}, reverse=True)
        for stage in stages:
            await asyncio.gather(*(self._stop_one(child) for child in self._children if child.process.stage == stage))

    async def _stop_one(self, child: Supervised) -> None:
        # A start that fails ends no session of the gateway before it: the next start may be of a version that works.
        kept = not self._served and child.process.name == RECORDER
        await child.stop(self._keep or kept)

    @staticmethod
    async def _any(*conditions: asyncio.Event) -> None:
        waits = [asyncio.create_task(condition.wait()) for condition in conditions]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _tell(self, child: Supervised) -> None:
        """Sends Start; a process that is gone by now shows by its end."""
        names, descriptors = self._holdings.take(child.process, child.slot)
        try:
            child.start(self._holdings.generation.number, self._holdings.slots, names, descriptors)
        except IpcError:
            events.warning("gone_before_start", child=child.name)

    def _warn_of_weakenings(self) -> None:
        """Says in the log and in the records what processes had to go on without."""
        names = status.weakened(self._children)
        for name in names:
            events.warning("weakened", by=name, text=weakening.REASONS[name])
        for child in self._children:
            if names and child.process.name == RECORDER:
                with contextlib.suppress(IpcError):
                    child.channel.notify(Weakened(names))

    # --- lives of children ------------------------------------------------------------------------------------------

    def _on_ready(self, child: Supervised) -> None:
        self._joints.connect(child, self._children)
        self._changed.set()
        if self._up:
            if child.process.name == RECORDER:
                self._warn_of_weakenings()
            self._notifier.status(self._summary())
            self._spawn_task(self._reloader.bring_along(child))

    def _on_down(self, child: Supervised) -> None:
        self._joints.disconnect(child, self._children)
        if child.process.name == FORKS:
            orphans.end(self._is_ours)
        self._changed.set()
        if self._up:
            self._notifier.status(self._summary())
            if child.module_failure:
                self._record_module_failure(child)
            if child.module_failures >= MODULE_FAILURES_MOST:
                self._broken = f"{child.name} has no cryptographic module that works: {child.failure}"
                events.error("module_broken", child=child.name, starts=child.module_failures)
                self._end.set()
                return
            self._spawn_task(self._restart(child))

    def _is_ours(self, pid: int) -> bool:
        """A process of the gateway, or one of our own session, such as a check of the configuration; not what PAM
        modules have started, which came here at the death of its reaper."""
        if any(pid == child.pid for child in self._children):
            return True
        with contextlib.suppress(PermissionError):
            # What SELinux does not let us look at is a program of a domain of its own.
            return os.getsid(pid) == os.getsid(0)
        return False

    def _record_module_failure(self, failed: Supervised) -> None:
        message = ModuleFailure(failed.name, failed.module_failure, failed.failure)
        told = False
        for child in self._children:
            if child.process.name == RECORDER:
                with contextlib.suppress(IpcError):
                    child.channel.notify(message)
                    told = True
        events.error("module_failure", child=failed.name, stage=failed.module_failure, recorded=told)

    async def _restart(self, child: Supervised) -> None:
        while self._up:
            wait = child.backoff()
            events.warning("restart", child=child.name, wait=f"{wait:g}")
            await asyncio.sleep(wait)
            try:
                child.spawn()
            except StartError as error:
                events.error("restart_failed", child=child.name, error=str(error))
                child.failed_to_spawn()
                continue
            self._tell(child)
            await self._watch_start(child)
            return

    async def _watch_start(self, child: Supervised) -> None:
        life = child.starts
        await asyncio.sleep(READY_SECONDS)
        if child.state is State.STARTING and child.starts == life:
            child.kill(f"it was not ready after {READY_SECONDS:g} s")

    # --- what children say ------------------------------------------------------------------------------------------

    def _handlers(self, process: str) -> dict[type[Message], Handler]:
        handlers: dict[type[Message], Handler] = {Offence: self._take_offence}
        if process == "mgmtd":
            handlers |= {
                AskSupervisorStatus: self._answer_status,
                AskModuleStates: self._answer_modules,
                Reload: self._answer_reload,
                Replace: self._answer_replace,
                Shutdown: self._answer_shutdown,
            }
        return handlers

    async def _take_offence(self, message: Offence, sender: Sender) -> None:
        """Ends the end of the channel that is trusted less, whoever complained: a false word harms only its speaker."""
        yielding = self._joints.yielding(sender.process, message.peer)
        slots = {sender.process: sender.slot, message.peer: message.slot}
        events.error("offence_reported", by=sender.process, about=message.peer, label=message.label)
        for child in self._children:
            if child.process.name == yielding and child.slot == slots[child.process.name]:
                child.kill(f"its channel between {sender.process} and {message.peer} broke ({message.label})")

    async def _answer_status(self, message: AskSupervisorStatus, sender: Sender) -> SupervisorStatus:
        number = self._holdings.generation.number
        return status.report(
            self._launch.program.version,
            number,
            self._started,
            self._children,
            self._holdings.addresses,
            self._replacement.state,
        )

    async def _answer_modules(self, message: AskModuleStates, sender: Sender) -> ModuleStates:
        return status.modules(message.after, self._children)

    async def _answer_reload(self, message: Reload, sender: Sender) -> ReloadReport:
        return await self._reloader.reload()

    async def _answer_replace(self, message: Replace, sender: Sender) -> ReplacementBegun:
        return self._replacement.begin(self._spawn_task)

    async def _answer_shutdown(self, message: Shutdown, sender: Sender) -> Done:
        events.info("shutdown_asked", by=sender.process, keep=message.keep)
        self._keep = message.keep
        asyncio.get_running_loop().call_soon(self._end.set)
        return Done()

    def _reload_soon(self) -> None:
        if self._up:
            self._spawn_task(self._reloader.reload())

    def _spawn_task(self, work: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            events.error("task_failed", error=log.describe(error))

    def _summary(self) -> str:
        down = [child.name for child in self._children if not child.serving]
        state = f"waiting for {', '.join(down)}" if down else f"{self._holdings.slots} workers"
        return f"{state}; listening on {', '.join(self._holdings.addresses)}"
