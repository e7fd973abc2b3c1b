# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a child, driven by the supervisor's end of its control channel; the sandbox itself is left out."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from wolfguard.config.site import Configuration, Confinement, Lockout, Paths, Records
from wolfguard.crypto import self_tests
from wolfguard.errors import LocalError, StartError
from wolfguard.ipc import codec
from wolfguard.ipc.channel import Channel, Handler, Sender
from wolfguard.ipc.dispatch import SERVING, STARTING
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.life import (
    Attach,
    Detach,
    Fact,
    Failed,
    ModuleFailure,
    Offence,
    Ready,
    Reconfigure,
    Reconfigured,
    Start,
    Stop,
    Weakened,
)
from wolfguard.ipc.logins import LoginCancel, LoginStep, Logout
from wolfguard.ipc.messages import Done, Message
from wolfguard.ipc.tunnels import TunnelClosed, TunnelDatagram, TunnelOpen, WorkerEvent
from wolfguard.module_state import INTACT, MODULE_FAILED, PASSED, ModuleState, SelfTest
from wolfguard.procs import frame
from wolfguard.procs.child import Child, Started
from wolfguard.sandbox import enter
from wolfguard.sandbox.weakening import Facts

CONFIGURATION = Configuration((), (), confinement=Confinement(("no-landlock",)))
FACTS = (
    Fact("process", "sessiond"),
    Fact("allowed", "no-landlock"),
    Fact("watcher", "None"),
    Fact("notes", "1"),
)
STATE = ModuleState("5.9.2", "", INTACT, 1500, (SelfTest("sha256", PASSED, 9),))
HOLD = 10.0


async def _unused(message: Any, sender: Sender) -> None:
    raise LocalError("not asked for in these tests")


class Subject(Child):
    """sessiond in name, since the dispatch table is the real one; notes what happens to it."""

    process: ClassVar[str] = "sessiond"

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.peers: dict[tuple[str, int], Channel] = {}
        self.failing = ""

    async def prepare(self, start: Started) -> None:
        self.notes.append(f"prepare {start.generation} {sorted(start.descriptors)}")
        self.started = start
        if self.failing == "prepare":
            raise StartError("a clear line")
        if self.failing == "defect":
            raise ValueError("a secret")

    def facts(self) -> Facts:
        return (("notes", str(len(self.notes))),)

    async def serve(self) -> None:
        if self.failing == "serve":
            raise ValueError("a secret")
        await self.stopping.wait()

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        if peer == "supervisor":
            return {Weakened: _unused, ModuleFailure: _unused}
        if peer != "worker":
            return {}
        kinds = (LoginStep, LoginCancel, Logout, TunnelOpen, TunnelClosed, TunnelDatagram)
        return {**dict.fromkeys(kinds, _unused), WorkerEvent: self.worker_event}

    async def worker_event(self, message: WorkerEvent, sender: Sender) -> None:
        self.notes.append(f"event {message.event} from {sender.process} {sender.slot}")

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        self.peers[peer, slot] = channel
        self.notes.append(f"attached {peer} {slot}")

    async def detached(self, peer: str, slot: int) -> None:
        self.notes.append(f"detached {peer} {slot}")

    async def ended(self, peer: str, slot: int, asked: bool) -> None:
        self.notes.append(f"ended {peer} {slot} {'as told' if asked else 'by itself'}")

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        self.notes.append(f"raw {peer} {slot} {index}")
        await super().attached_raw(peer, slot, index, fd)
        if self.failing == "step":
            raise ValueError("a secret")

    async def reconfigure(self, started: Started) -> tuple[str, ...]:
        if self.failing == "reconfigure":
            raise LocalError("cannot take it")
        self.notes.append(f"reconfigure {started.generation} {started.configuration.lockout.failures}")
        return ("one.key",)

    async def stop(self, drain: bool) -> None:
        self.notes.append(f"stop drain={drain}")


class Stage:
    """The supervisor's end, and the child's life as a task."""

    def __init__(self) -> None:
        self.subject = Subject()
        self.heard: list[Message] = []
        self.ended: list[str] = []
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = Channel(
            own,
            here="supervisor",
            peer="sessiond",
            handlers=dict.fromkeys((Ready, Failed, Offence), self.hear),
            ended=lambda channel, label, detail: self.ended.append(label),
            state=STARTING,
        )
        self.life = asyncio.create_task(frame.live(self.subject, other))

    async def hear(self, message: Message, sender: Sender) -> None:
        self.heard.append(message)
        if isinstance(message, Ready):
            self.control.state = SERVING

    def start(self) -> None:
        descriptor = memory(CONFIGURATION)
        read, write = os.pipe()
        self.control.notify(Start(1, 0, 1, ("configuration", "traffic")), descriptors=[descriptor, read])
        for each in (descriptor, read, write):
            os.close(each)

    async def serving(self) -> None:
        self.start()
        await self.until(lambda: bool(self.heard))

    def attach(self, peer: str, slot: int, kind: str = "ipc") -> socket.socket:
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self.control.notify(Attach(peer, slot, kind, 4), descriptors=[other.fileno()])
        return own

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(HOLD):
            while not condition():
                await asyncio.sleep(0)

    async def noted(self, note: str, times: int = 1) -> None:
        await self.until(lambda: self.subject.notes.count(note) == times)


def memory(configuration: Configuration) -> int:
    descriptor = os.memfd_create("test")
    os.write(descriptor, codec.encode(configuration))
    return descriptor


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    """Runs a test with a stage, in a loop; the sandbox says that all is well."""

    def no_sandbox(
        process: str, places: Mapping[str, str], *, ports: object, allowed: Sequence[str], watcher: None
    ) -> Facts:
        return (("process", process), ("allowed", ",".join(allowed)), ("watcher", str(watcher)))

    monkeypatch.setattr(enter, "enter", no_sandbox)
    monkeypatch.setattr(enter, "require", lambda process, allowed: None)
    monkeypatch.setattr(self_tests, "observe", lambda: STATE)

    def play(test: Callable[[Stage], Awaitable[None]]) -> None:
        async def run() -> None:
            stage = Stage()
            try:
                await test(stage)
            finally:
                stage.control.close()
                stage.life.cancel()
                await asyncio.gather(stage.life, return_exceptions=True)

        asyncio.run(run())

    return play


Play = Callable[[Callable[[Stage], Awaitable[None]]], None]


def test_start_is_answered_ready_with_facts(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        assert stage.heard == [Ready(FACTS, STATE)]
        assert stage.subject.notes == ["prepare 1 ['traffic']"]
        assert stage.subject.started.configuration == CONFIGURATION

    played(test)


def test_a_library_that_is_not_intact_ends_the_start_with_a_status_of_its_own(
    played: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = dataclasses.replace(STATE, integrity="its code differs")
    monkeypatch.setattr(self_tests, "observe", lambda: wrong)

    async def test(stage: Stage) -> None:
        stage.start()
        assert await stage.life == MODULE_FAILED
        await stage.until(lambda: bool(stage.heard))
        assert isinstance(stage.heard[0], Failed)
        assert "its code differs" in stage.heard[0].text
        assert stage.subject.notes == []  # nothing was opened

    played(test)


@pytest.mark.parametrize(("failing", "words"), [("prepare", "a clear line"), ("defect", "ValueError while starting")])
def test_a_failed_start_is_one_line(played: Play, failing: str, words: str) -> None:
    async def test(stage: Stage) -> None:
        stage.subject.failing = failing
        stage.start()
        assert await stage.life == frame.FAILED
        await stage.until(lambda: bool(stage.heard))
        (message,) = stage.heard
        assert isinstance(message, Failed)
        assert message.text.startswith(words)

    played(test)


def test_nothing_is_prepared_for_a_sandbox_that_cannot_be(played: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(stage: Stage) -> None:
        def no_kernel(process: str, allowed: Sequence[str]) -> None:
            raise StartError("the kernel takes no seccomp filter")

        monkeypatch.setattr(enter, "require", no_kernel)
        stage.start()
        assert await stage.life == frame.FAILED
        await stage.until(lambda: bool(stage.heard))
        assert stage.heard == [Failed("the kernel takes no seccomp filter")]
        assert stage.subject.notes == []

    played(test)


def test_names_and_descriptors_must_match(played: Play) -> None:
    async def test(stage: Stage) -> None:
        descriptor = memory(CONFIGURATION)
        stage.control.notify(Start(1, 0, 1, ("configuration", "traffic")), descriptors=[descriptor])
        os.close(descriptor)
        assert await stage.life == frame.FAILED

    played(test)


def test_a_peer_comes_speaks_and_goes(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        with stage.attach("worker", 3) as worker:
            await stage.noted("attached worker 3")
            worker.send(b'["n",0,"WorkerEvent",{"event":"last","peer":"","reason":"","count":1,"detail":""}]')
            stage.control.notify(Detach("worker", 3, asked=False))
            await stage.noted("ended worker 3 by itself")
        await stage.noted("detached worker 3")
        notes = [note for note in stage.subject.notes if not note.startswith("ended")]
        assert notes[-2:] == ["event last from worker 3", "detached worker 3"]
        stage.attach("worker", 3).close()
        await stage.noted("detached worker 3", times=2)
        stage.control.notify(Detach("worker", 3, asked=True))
        await stage.noted("ended worker 3 as told")

    played(test)


def test_a_new_channel_replaces_the_old_one(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        with stage.attach("worker", 0), stage.attach("worker", 0):
            await stage.noted("attached worker 0", times=2)
            assert stage.subject.notes[-3:] == ["attached worker 0", "detached worker 0", "attached worker 0"]
            assert not stage.subject.peers["worker", 0].closed

    played(test)


def test_an_offence_is_reported(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        with stage.attach("worker", 2) as worker:
            worker.send(b"nonsense")
            await stage.noted("detached worker 2")
        await stage.until(lambda: len(stage.heard) == 2)
        assert stage.heard[1] == Offence("worker", 2, "ipc_malformed", "not strict JSON")

    played(test)


def test_a_raw_channel_is_handed_over(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        with stage.attach("worker", 1, "sign") as end:
            await stage.noted("raw worker 1 4")
            assert end.recv(1) == b""

    played(test)


def test_reconfigure(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        descriptor = memory(dataclasses.replace(CONFIGURATION, lockout=Lockout(failures=77)))
        message = Reconfigure(2, ("configuration",))
        assert await stage.control.request(message, descriptors=[descriptor]) == Reconfigured(("one.key",))
        assert stage.subject.notes[-1] == "reconfigure 2 77"
        stage.subject.failing = "reconfigure"
        with pytest.raises(IpcError, match="cannot take it"):
            await stage.control.request(message, descriptors=[descriptor])
        os.close(descriptor)
        assert not stage.life.done()

    played(test)


@pytest.mark.parametrize("drain", [True, False])
def test_an_orderly_stop(played: Play, drain: bool) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        assert await stage.control.request(Stop(drain)) == Done()
        assert await stage.life == frame.STOPPED
        assert stage.subject.notes[-1] == f"stop drain={drain}"

    played(test)


def test_a_stop_before_the_start(played: Play) -> None:
    async def test(stage: Stage) -> None:
        assert await stage.control.request(Stop(False)) == Done()
        assert await stage.life == frame.STOPPED
        assert stage.subject.notes == []

    played(test)


def test_an_orphan_ends_so_that_clients_come_back(played: Play) -> None:
    async def test(stage: Stage) -> None:
        await stage.serving()
        stage.control.close()
        assert await stage.life == frame.ORPHANED
        assert stage.subject.notes[-1] == "stop drain=True"

    played(test)


def test_an_orphan_before_the_start(played: Play) -> None:
    async def test(stage: Stage) -> None:
        stage.control.close()
        assert await stage.life == frame.ORPHANED

    played(test)


@pytest.mark.parametrize("failing", ["serve", "step"])
def test_what_goes_wrong_ends_the_process_without_the_words(
    played: Play, failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(stage: Stage) -> None:
        stage.subject.failing = failing
        await stage.serving()
        if failing == "step":
            stage.attach("worker", 0, "sign").close()
        assert await stage.life == frame.FAILED

    played(test)
    assert "ValueError at test_frame.py" in caplog.text
    assert "a secret" not in caplog.text


def test_folders_for_the_sandbox() -> None:
    paths = Paths(state="/s")
    to_file = Configuration((), (), paths=paths, records=Records("file", "/r/records.jsonl"))
    assert frame._places(to_file) == {"state": "/s", "records": "/r"}
    assert frame._places(dataclasses.replace(to_file, records=Records("stderr")))["records"] == "/s"
