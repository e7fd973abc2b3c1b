# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens inside the frame of a child process: the order of its life, and the supervisor's words to it.

Owns the sequence Start -> a look at what the sandbox needs, and at the cryptographic module -> prepare -> sandbox ->
Ready -> serve -> stop, and the table of channels to other processes. Everything that changes the process (attach,
detach, reconfigure) is one step in one queue, so that a process never sees two changes at once. Whatever goes wrong in
a step ends the process: the supervisor starts a fresh one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wolfguard.config.site import TLS, Configuration, accounting_servers, port_of
from wolfguard.crypto import self_tests
from wolfguard.crypto.errors import ModuleError
from wolfguard.errors import LocalError
from wolfguard.ipc import codec
from wolfguard.ipc.channel import CLOSED, END, Channel, Handler, Sender
from wolfguard.ipc.dispatch import SERVING, STARTING
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import Attach, Detach, Fact, Failed, Offence, Ready, Reconfigure, Reconfigured, Start, Stop
from wolfguard.ipc.messages import Done, Message
from wolfguard.ipc.packet import close_all
from wolfguard.module_state import MODULE_FAILED
from wolfguard.procs import log
from wolfguard.sandbox import enter
from wolfguard.sandbox.learn import Watcher

if TYPE_CHECKING:
    from wolfguard.procs.child import Child

STOP_SECONDS: Final = 20.0
LAST_WORDS_SECONDS: Final = 1.0

# Exit statuses, as the supervisor and a person at the terminal see them; MODULE_FAILED is one more.
STOPPED: Final = 0
FAILED: Final = 1
ORPHANED: Final = 2

events = log.Log(__name__)
_Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Started:
    """What a process starts with. `descriptors`: by name, in order; the process owns them and closes what it leaves.

    `slot` is this process's place among `slots` workers; other processes have slot 0.
    """

    slot: int
    slots: int
    generation: int
    configuration: Configuration
    descriptors: Mapping[str, list[int]]


async def live(child: Child, control: socket.socket, watcher: Watcher | None = None) -> int:
    """The whole life; returns the exit status. `watcher`: this run learns what its filter would kill for."""
    return await _Frame(child, control, watcher).live()


class _Frame:
    def __init__(self, child: Child, control: socket.socket, watcher: Watcher | None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log.loop_error)
        self._child = child
        self._watcher = watcher
        self._steps: asyncio.Queue[_Step] = asyncio.Queue()
        self._channels: dict[tuple[str, int], Channel] = {}
        self._first: asyncio.Future[tuple[Start, Sender]] = loop.create_future()
        self._orphaned = asyncio.Event()
        self._life: asyncio.Task[int] | None = None
        child.stopping = asyncio.Event()
        handlers: dict[type[Message], Handler] = {
            Start: self._on_start,
            Attach: self._on_attach,
            Detach: self._on_detach,
            Reconfigure: self._on_reconfigure,
            Stop: self._on_stop,
        }
        child.supervisor = Channel(
            control,
            here=child.process,
            peer="supervisor",
            handlers={**handlers, **child.handlers("supervisor")},
            ended=self._supervisor_ended,
            state=STARTING,
        )

    async def live(self) -> int:
        self._life = asyncio.create_task(self._run())
        try:
            return await self._life
        except asyncio.CancelledError:
            return ORPHANED if self._orphaned.is_set() else STOPPED
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._child.supervisor.flushed()
            for channel in list(self._channels.values()):
                channel.close()
            self._child.supervisor.close()

    async def _run(self) -> int:
        child = self._child
        try:
            start, sender = await self._first
            started = _started(start.generation, start.slot, start.slots, start.descriptors, sender)
            if start.slots > 1:
                log.start(child.process, start.slot)
            configuration = started.configuration
            allowed = configuration.confinement.allow
            enter.require(child.process, allowed)
            module = self_tests.require(self_tests.observe())
            await child.prepare(started)
            places, ports = _places(configuration), _ports(configuration)
            facts = enter.enter(child.process, places, ports=ports, allowed=allowed, watcher=self._watcher)
            facts += child.facts()
        except ModuleError as error:
            self._fail(str(error))
            return MODULE_FAILED
        except LocalError as error:
            return self._fail(str(error))
        except Exception as error:
            events.exception("start_failed")
            return self._fail(f"{type(error).__name__} while starting; the log says where")
        child.supervisor.notify(Ready(tuple(Fact(name, value) for name, value in facts), module))
        child.supervisor.state = SERVING
        return await self._serve()

    def _fail(self, text: str) -> int:
        if not self._child.supervisor.closed:
            self._child.supervisor.notify(Failed(text))
        return FAILED

    async def _serve(self) -> int:
        works = [
            asyncio.create_task(self._child.serve(), name="serve"),
            asyncio.create_task(self._take_steps(), name="steps"),
            asyncio.create_task(self._orphaned.wait(), name="orphaned"),
        ]
        done, pending = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        status = STOPPED if self._child.stopping.is_set() else FAILED
        for work in done:
            error = work.exception()
            if error is not None:
                events.error("died", work=work.get_name(), error=log.describe(error))
                status = FAILED
        if self._orphaned.is_set():
            events.error("supervisor_gone")
            status = ORPHANED
            with contextlib.suppress(Exception):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._child.stop(drain=True)
        for work in pending:
            work.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return status

    async def _take_steps(self) -> None:
        while True:
            step = await self._steps.get()
            await step()

    # --- what the supervisor says -----------------------------------------------------------------------------------

    async def _on_start(self, message: Start, sender: Sender) -> None:
        if self._first.done():
            close_all(sender.descriptors)
            return
        self._first.set_result((message, sender))

    async def _on_attach(self, message: Attach, sender: Sender) -> None:
        if len(sender.descriptors) != 1:
            close_all(sender.descriptors)
            raise LocalError("Attach comes with exactly one descriptor")
        descriptor = sender.descriptors[0]
        if message.kind != "ipc":
            self._steps.put_nowait(
                lambda: self._child.attached_raw(message.peer, message.slot, message.index, descriptor)
            )
        else:
            self._steps.put_nowait(lambda: self._attach(message.peer, message.slot, descriptor))

    async def _on_detach(self, message: Detach, sender: Sender) -> None:
        """The channel's own end comes after the last words that the dead process left in it; this is the safeguard."""
        channel = self._channels.get((message.peer, message.slot))
        if channel is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(LAST_WORDS_SECONDS, self._steps.put_nowait, lambda: self._lost(channel))
        self._steps.put_nowait(lambda: self._child.ended(message.peer, message.slot, message.asked))

    async def _on_reconfigure(self, message: Reconfigure, sender: Sender) -> Reconfigured:
        done: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()

        async def step() -> None:
            try:
                done.set_result(await self._child.reconfigure(started))
            except LocalError as error:
                done.set_exception(error)

        try:
            started = _started(message.generation, 0, 0, message.descriptors, sender)
            self._steps.put_nowait(step)
            return Reconfigured(await done)
        except LocalError as error:
            raise IpcError("refused", str(error)) from error

    async def _on_stop(self, message: Stop, sender: Sender) -> Done:
        if self._child.supervisor.state == STARTING and self._life is not None:
            self._life.cancel()
            return Done()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._child.stop(message.drain)
        finally:
            # After the answer has been sent, which happens in this same turn of the loop.
            asyncio.get_running_loop().call_soon(self._child.stopping.set)
        return Done()

    def _supervisor_ended(self, channel: Channel, label: str, detail: str) -> None:
        if label == CLOSED:
            return
        self._orphaned.set()
        if channel.state == STARTING and self._life is not None:
            self._life.cancel()

    # --- channels to other processes --------------------------------------------------------------------------------

    async def _attach(self, peer: str, slot: int, descriptor: int) -> None:
        await self._detach(peer, slot)
        channel = Channel(
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=descriptor),
            here=self._child.process,
            peer=peer,
            slot=slot,
            handlers=self._child.handlers(peer),
            ended=self._peer_ended,
        )
        self._channels[peer, slot] = channel
        await self._child.attached(peer, slot, channel)

    async def _detach(self, peer: str, slot: int) -> None:
        channel = self._channels.pop((peer, slot), None)
        if channel is not None:
            channel.close()
            await self._child.detached(peer, slot)

    def _peer_ended(self, channel: Channel, label: str, detail: str) -> None:
        if label == CLOSED:
            return
        if label != END and not self._child.supervisor.closed:
            events.error("offence", peer=channel.peer, slot=channel.slot, label=label, detail=detail)
            self._child.supervisor.notify(Offence(channel.peer, channel.slot, label, detail[:500]))
        self._steps.put_nowait(lambda: self._lost(channel))

    async def _lost(self, channel: Channel) -> None:
        # A newer channel may have taken the place meanwhile; it must not be taken down with the old one.
        if self._channels.get((channel.peer, channel.slot)) is channel:
            await self._detach(channel.peer, channel.slot)


def _started(generation: int, slot: int, slots: int, names: tuple[str, ...], sender: Sender) -> Started:
    if len(names) != len(sender.descriptors) or not names or names[0] != "configuration":
        close_all(sender.descriptors)
        raise LocalError("the descriptors that came do not match their names; the supervisor is of another release")
    descriptors: dict[str, list[int]] = {}
    for name, descriptor in zip(names[1:], sender.descriptors[1:], strict=True):
        descriptors.setdefault(name, []).append(descriptor)
    try:
        configuration = _read_configuration(sender.descriptors[0])
    finally:
        os.close(sender.descriptors[0])
    return Started(slot, slots, generation, configuration, descriptors)


def _read_configuration(descriptor: int) -> Configuration:
    # Read by position: all processes share this descriptor's offset.
    data = bytearray()
    while chunk := os.pread(descriptor, 1 << 20, len(data)):
        data += chunk
        if len(data) > codec.CONFIGURATION_LIMIT:
            raise LocalError(f"the configuration is over {codec.CONFIGURATION_LIMIT} bytes")
    return codec.decode(Configuration, bytes(data), codec.CONFIGURATION_LIMIT)


def _places(configuration: Configuration) -> dict[str, str]:
    """Folders that the manifest's Landlock rules name by a word."""
    state = configuration.paths.state
    to_file = configuration.records.target == "file"
    return {"state": state, "records": os.path.dirname(configuration.records.path) if to_file else state}


def _ports(configuration: Configuration) -> dict[str, tuple[int, ...]]:
    """TCP ports that they name by a word."""
    found = {
        port_of(server, backend.radius.transport)
        for backend in configuration.backends
        if backend.radius is not None and backend.radius.transport == TLS
        for server in (*backend.radius.servers, *accounting_servers(backend.radius))
    }
    return {"radius": tuple(sorted(found))}
