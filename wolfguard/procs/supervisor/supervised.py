# SPDX-License-Identifier: GPL-3.0-or-later
"""One supervised process: its program, its control channel, its state, and how long to wait before the next try.

Owns one place (process and slot) over all its lives. What a change means for the others is `service`'s concern.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from wolfguard.ipc.channel import CLOSED, END, Channel, Handler, Sender
from wolfguard.ipc.dispatch import SERVING, STARTING
from wolfguard.ipc.errors import IpcClosed, IpcError
from wolfguard.ipc.life import Attach, Detach, Fact, Failed, Ready, Reconfigure, Start, Stop
from wolfguard.ipc.messages import Message
from wolfguard.linux import labels
from wolfguard.module_state import MODULE_FAILED, ModuleState
from wolfguard.procs import log
from wolfguard.procs.supervisor.spawning import Launch, spawn
from wolfguard.sandbox.manifest import Process

BACKOFF_FIRST: Final = 0.1
BACKOFF_MOST: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""Who lives that long starts with the shortest wait again."""
RECONFIGURE_SECONDS: Final = 20.0
STOP_SECONDS: Final = 25.0
EXIT_SECONDS: Final = 5.0
LAST_WORDS_SECONDS: Final = 1.0

# Stages of a life, as ModuleFailure names them.
START: Final = "start"
RUNNING: Final = "running"

events = log.Log(__name__)


class State(enum.Enum):
    DOWN = "down"
    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"


class Supervised:
    """`on_ready`, `on_down` are called with this object when it begins to serve and when its program has ended."""

    def __init__(
        self,
        process: Process,
        slot: int,
        launch: Launch,
        handlers: Mapping[type[Message], Handler],
        on_ready: Callable[[Supervised], None],
        on_down: Callable[[Supervised], None],
    ) -> None:
        self.process = process
        self.slot = slot
        self.state = State.DOWN
        self.pid = 0
        self.started = 0
        self.starts = 0
        self.asked = 0
        """Lives that ended because they were told to."""
        self.told = False
        """Whether the last one did."""
        self.generation = 0
        """Number of the configuration that it was told last."""
        self.confinement: tuple[Fact, ...] = ()
        self.module: ModuleState | None = None
        self.failure = ""
        self.last_failure = ""
        self.module_failure = ""
        """Where its cryptographic module ended the last life: "start", "running", or empty."""
        self.module_failures = 0
        """Lives in a row that their module ended before they served: a fresh process then has none that works."""
        self.ended = asyncio.Event()
        self.ended.set()
        self._launch = launch
        self._handlers: dict[type[Message], Handler] = {
            Ready: self._take_ready,
            Failed: self._take_failed,
            **handlers,
        }
        self._on_ready = on_ready
        self._on_down = on_down
        self._channel: Channel | None = None
        self._pidfd = -1
        self._failures = 0
        self._since = 0.0
        self._status: int | None = None
        self._patience: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return f"{self.process.name}/{self.slot}" if self.process.per_slot else self.process.name

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            raise IpcClosed(f"{self.name} is down")
        return self._channel

    @property
    def serving(self) -> bool:
        return self.state is State.SERVING and self._channel is not None and not self._channel.closed

    # --- life -------------------------------------------------------------------------------------------------------

    def spawn(self) -> None:
        """Executes the program; it waits for `start`. Raises StartError."""
        slot = self.slot if self.process.per_slot else None
        command = self._launch.command(self.process.name, slot)
        self.pid, self._pidfd, control = spawn(command, labels.channel(self.process.name, "supervisor", slot))
        self.state = State.STARTING
        self.started = int(time.time())
        self.starts += 1
        self.failure = ""
        self.module = None
        self.ended.clear()
        self._since = time.monotonic()
        self._channel = Channel(
            control,
            here="supervisor",
            peer=self.process.name,
            slot=self.slot,
            handlers=self._handlers,
            ended=self._channel_ended,
            state=STARTING,
            advance={Ready: SERVING},
        )
        asyncio.get_running_loop().add_reader(self._pidfd, self._reap)
        events.info("spawned", child=self.name, pid=self.pid)

    def start(self, generation: int, slots: int, names: list[str], descriptors: list[int]) -> None:
        """Says what to work with."""
        self.generation = generation
        message = Start(generation, self.slot, slots if self.process.per_slot else 1, tuple(names))
        self.channel.notify(message, descriptors=descriptors)

    async def reconfigure(self, generation: int, names: list[str], descriptors: list[int]) -> tuple[str, ...]:
        """Hands on a new configuration; returns keys whose change waits for a restart. Raises IpcError."""
        self.generation = generation
        message = Reconfigure(generation, tuple(names))
        reply = await self.channel.request(message, timeout=RECONFIGURE_SECONDS, descriptors=descriptors)
        return tuple(reply.needs_restart)

    def attach(self, peer: str, slot: int, kind: str, index: int, end: socket.socket) -> None:
        with contextlib.suppress(IpcError):
            self.channel.notify(Attach(peer, slot, kind, index), descriptors=[end.fileno()])

    def detach(self, peer: str, slot: int, asked: bool) -> None:
        if self.serving:
            with contextlib.suppress(IpcError):
                self.channel.notify(Detach(peer, slot, asked))

    def kill(self, reason: str) -> None:
        """Ends the program at once; `on_down` follows."""
        if self._pidfd >= 0:
            events.warning("killed", child=self.name, pid=self.pid, reason=reason)
            self.failure = self.failure or reason
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def stop(self, drain: bool) -> None:
        """Asks it to end, and makes sure that it has."""
        if self.state is State.DOWN:
            return
        self.state = State.STOPPING
        try:
            # A channel that has ended tells of a process that is ending.
            with contextlib.suppress(IpcClosed):
                await self.channel.request(Stop(drain), timeout=STOP_SECONDS)
            async with asyncio.timeout(EXIT_SECONDS):
                await self.ended.wait()
        except (IpcError, TimeoutError):
            self.kill("it did not stop when asked to")
        await self.ended.wait()

    def backoff(self) -> float:
        """Seconds to wait before the next start: none after an orderly end; doubles with each short life."""
        if not self._failures:
            return 0.0
        return min(BACKOFF_FIRST * 2.0 ** min(max(self._failures - 1, 0), 16), BACKOFF_MOST)

    def failed_to_spawn(self) -> None:
        """Counts a start that did not even execute."""
        self._failures += 1

    # --- what happens to it -----------------------------------------------------------------------------------------

    async def _take_ready(self, message: Ready, sender: Sender) -> None:
        self.confinement = message.confinement
        self.module = message.module
        if self.state is State.STARTING:
            self.state = State.SERVING
            self.module_failures = 0
            facts = {fact.name: fact.value for fact in message.confinement}
            seconds = f"{time.monotonic() - self._since:.2f}"
            events.info("ready", child=self.name, pid=self.pid, seconds=seconds, **facts)
            self._on_ready(self)

    async def _take_failed(self, message: Failed, sender: Sender) -> None:
        self.failure = message.text
        events.error("failed", child=self.name, text=message.text)

    def _channel_ended(self, channel: Channel, label: str, detail: str) -> None:
        if label == CLOSED:
            return
        if label == END:
            # Behind the handlers of what has just been read.
            asyncio.get_running_loop().call_soon(self._end)
            return
        events.error("offence", child=self.name, label=label, detail=detail)
        self.kill(f"it broke the rules of its channel ({label})")

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        _, self._status = os.waitpid(self.pid, 0)
        os.close(self._pidfd)
        self._pidfd = -1
        # Its last words may still lie in the socket, whose own end comes after them.
        if self.channel.closed:
            loop.call_soon(self._end)
        else:
            self._patience = loop.call_later(LAST_WORDS_SECONDS, self._end)

    def _end(self) -> None:
        if self._status is None:
            return
        status, self._status = self._status, None
        if self._patience is not None:
            self._patience.cancel()
        stopping = self.state is State.STOPPING
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        how = _ending(status)
        self.module_failure = ""
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == MODULE_FAILED:
            starting = self.state is State.STARTING
            self.module_failure = START if starting else RUNNING
            self.module_failures += 1 if starting else 0
        if not self.failure:
            self.failure = f"it {how}"
        self.last_failure = "" if stopping else self.failure
        self.asked += stopping
        self.told = stopping
        steady = time.monotonic() - self._since >= STEADY_SECONDS
        # One that was told to end has not failed.
        self._failures = 0 if stopping else 1 if steady else self._failures + 1
        (events.info if stopping else events.error)("ended", child=self.name, pid=self.pid, how=how)
        self.state = State.DOWN
        self.ended.set()
        self._on_down(self)


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was ended by {signal.Signals(os.WTERMSIG(status)).name}"
    if os.WEXITSTATUS(status) == MODULE_FAILED:
        return f"ended with status {MODULE_FAILED}, since its cryptographic module failed: the log says why"
    return f"ended with status {os.WEXITSTATUS(status)}"
