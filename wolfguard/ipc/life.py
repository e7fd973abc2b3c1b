# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages between the supervisor and its children: start, readiness, new settings, the end.

Owns the vocabulary only; the kinds of messages, and what their fields may be, are `ipc.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wolfguard.ipc.messages import Done, Message, Notice, Reply, Request
from wolfguard.module_state import ModuleState


@dataclass(frozen=True, slots=True)
class Start(Notice):
    """First word to a child. `descriptors` names the descriptors that travel with it, in order.

    "configuration" (sealed memfd, JSON of config.site.Configuration) is always first.
    """

    generation: int
    slot: int
    slots: int
    descriptors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attach(Notice):
    """A descriptor of a channel to another process travels with it. `kind` is "ipc", "sign" or "helpers"."""

    peer: str
    slot: int
    kind: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Detach(Notice):
    """The other process has ended; its channel is dead. `asked`: it was told to end."""

    peer: str
    slot: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Fact(Message):
    """One observed thing, as a name and a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Ready(Notice):
    """The child is confined and serves. `confinement` says what was applied, as read back from the kernel; `module`
    what it has observed of its cryptographic module."""

    confinement: tuple[Fact, ...]
    module: ModuleState


@dataclass(frozen=True, slots=True)
class Failed(Notice):
    """The child cannot start; one clear line for the operator, then it ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Offence(Notice):
    """The channel to this process had to be ended by this side: it sent what it may not, or took nothing any more."""

    peer: str
    slot: int
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reconfigured(Reply):
    """`needs_restart` names the keys of the site file whose change takes effect only at a restart."""

    needs_restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconfigure(Request):
    """New configuration; descriptors as in Start."""

    reply: ClassVar[type[Reply]] = Reconfigured
    generation: int
    descriptors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop(Request):
    """End cleanly. `drain`: close tunnels without BYE so that clients come back; else say BYE."""

    reply: ClassVar[type[Reply]] = Done
    drain: bool


@dataclass(frozen=True, slots=True)
class Weakened(Notice):
    """What processes go on without, by the words of `sandbox.weakening`: for sessiond to record."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleFailure(Notice):
    """The cryptographic module of a process failed and ended it: for sessiond to record. `stage` is "start" (its
    self-tests or its integrity) or "running"."""

    process: str
    stage: str
    text: str
