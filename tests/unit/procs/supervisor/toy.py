# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process without any work: it speaks the control channel and says on stderr what it was told.

Run as `toy.py TREE PROCESS FOLDER`. A file FOLDER/<process> names a behaviour: "fail" says Failed, "die" exits at
once, "mute" never becomes ready, "offend" sends what it may not instead of Ready,
"weak" says that it goes on without Landlock, "module" ends as one does whose cryptographic module fails,
"accuse" reports every peer that it is joined to, "refuse" takes no configuration but the first
and "stubborn" none at all while it serves.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

tree, process, folder = sys.argv[1:]
sys.path.insert(0, tree)

from wolfguard.ipc.channel import Channel, Sender  # noqa: E402 - found only with the line above
from wolfguard.ipc.dispatch import SERVING, STARTING  # noqa: E402
from wolfguard.ipc.errors import IpcError  # noqa: E402
from wolfguard.ipc.life import (  # noqa: E402
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
from wolfguard.ipc.messages import Done  # noqa: E402
from wolfguard.module_state import INTACT, MODULE_FAILED, PASSED, ModuleState, SelfTest  # noqa: E402

STATE = ModuleState("5.9.2", "", INTACT, 1500, (SelfTest("sha256", PASSED, 9),))
name = process


def say(text: str) -> None:
    print(f"toy {name} {text}", file=sys.stderr, flush=True)


def behaviour() -> str:
    path = Path(folder, process)
    return path.read_text("ascii") if path.exists() else ""


class Toy:
    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.peers: list[int] = []
        sock = socket.socket(fileno=3)
        self.control = Channel(
            sock,
            here=process,
            peer="supervisor",
            handlers={
                Start: self.start,
                Attach: self.attach,
                Detach: self.detach,
                Reconfigure: self.reconfigure,
                Stop: self.stop,
                **({Weakened: self.weakened, ModuleFailure: self.module_failed} if process == "sessiond" else {}),
            },
            ended=lambda *_: self.over.set(),
            state=STARTING,
        )

    async def start(self, message: Start, sender: Sender) -> None:
        global name
        name = f"{process}/{message.slot}" if message.slots > 1 else process
        say(f"start generation={message.generation} {','.join(message.descriptors)} {len(sender.descriptors)}")
        match behaviour():
            case "fail":
                self.control.notify(Failed("the toy is broken"))
                self.over.set()
            case "module":
                os._exit(MODULE_FAILED)
            case "mute":
                pass
            case "offend":
                os.write(3, b"nonsense")
            case how:
                weak = (Fact("landlock", "missing, allowed by the site"),) if how == "weak" else ()
                self.control.notify(Ready((Fact("toy", "yes"), *weak), STATE))
                self.control.state = SERVING

    async def attach(self, message: Attach, sender: Sender) -> None:
        self.peers += sender.descriptors
        say(f"attach {message.peer} {message.slot} {message.kind} {message.index}")
        if behaviour() == "accuse":
            self.control.notify(Offence(message.peer, message.slot, "ipc_malformed", "so it says"))

    async def detach(self, message: Detach, sender: Sender) -> None:
        say(f"detach {message.peer} {message.slot} {'told' if message.asked else 'dead'}")

    async def reconfigure(self, message: Reconfigure, sender: Sender) -> Reconfigured:
        say(f"reconfigure generation={message.generation} {','.join(message.descriptors)}")
        if behaviour() == "stubborn" or (behaviour() == "refuse" and message.generation > 1):
            raise IpcError("refused", "the toy wants none of it")
        return Reconfigured((f"{process}.key",))

    async def weakened(self, message: Weakened, sender: Sender) -> None:
        say(f"weakened {','.join(message.names)}")

    async def module_failed(self, message: ModuleFailure, sender: Sender) -> None:
        say(f"module_failed {message.process} {message.stage}")

    async def stop(self, message: Stop, sender: Sender) -> Done:
        say("stop")
        asyncio.get_running_loop().call_soon(self.over.set)
        return Done()


async def main() -> None:
    if behaviour() == "die":
        sys.exit(9)
    await Toy().over.wait()


asyncio.run(main())
