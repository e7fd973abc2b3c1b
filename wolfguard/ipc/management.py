# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of administration: what mgmtd asks the supervisor, sessiond, the workers and netd.

Owns the vocabulary only; the kinds of messages, and what their fields may be, are `ipc.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wolfguard.ipc.life import Fact
from wolfguard.ipc.logins import TlsFacts
from wolfguard.ipc.messages import Done, Message, Notice, Reply, Request
from wolfguard.ipc.tunnels import DatagramFacts
from wolfguard.module_state import ModuleState
from wolfguard.secret import Secret

# --- mgmtd asks the supervisor --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProcessStatus(Message):
    process: str
    slot: int
    pid: int
    state: str
    started: int
    restarts: int
    confinement: tuple[Fact, ...]
    last_failure: str = ""
    """Why its life before this one ended, empty when it was told to."""


@dataclass(frozen=True, slots=True)
class SupervisorStatus(Reply):
    version: str
    generation: int
    started: int
    processes: tuple[ProcessStatus, ...]
    listeners: tuple[str, ...]
    replacement: str = ""
    """How the last replacement of the processes goes: "running", "done", or why they are what they were before."""


@dataclass(frozen=True, slots=True)
class AskSupervisorStatus(Request):
    reply: ClassVar[type[Reply]] = SupervisorStatus


@dataclass(frozen=True, slots=True)
class ProcessModule(Message):
    """What the process that serves now has observed of its cryptographic module; None while there is none."""

    process: str
    slot: int
    state: ModuleState | None


@dataclass(frozen=True, slots=True)
class ModuleStates(Reply):
    """`next` is what to ask for `after` to get the rest; 0 at the end."""

    processes: tuple[ProcessModule, ...]
    next: int = 0


@dataclass(frozen=True, slots=True)
class AskModuleStates(Request):
    """Pages through the processes in the order of SupervisorStatus: those behind number `after`."""

    reply: ClassVar[type[Reply]] = ModuleStates
    after: int = 0


@dataclass(frozen=True, slots=True)
class ReloadReport(Reply):
    """`error` is empty when the new configuration was taken."""

    generation: int
    error: str
    needs_restart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reload(Request):
    reply: ClassVar[type[Reply]] = ReloadReport


@dataclass(frozen=True, slots=True)
class ReplacementBegun(Reply):
    """`version` of the program that processes will run; or `error`, and nothing happens."""

    version: str
    error: str


@dataclass(frozen=True, slots=True)
class Replace(Request):
    """Has every process run the program that is installed now, one after the other. It names no program: what is
    installed is root's to say."""

    reply: ClassVar[type[Reply]] = ReplacementBegun


@dataclass(frozen=True, slots=True)
class Shutdown(Request):
    """`keep`: clients are not told, and may come back with their cookies to the next start."""

    reply: ClassVar[type[Reply]] = Done
    keep: bool = False


# --- mgmtd asks sessiond, worker, netd ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Actor(Message):
    """Who asks, from the management socket's peer credentials."""

    uid: int
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class PolicyFact(Message):
    """One value of a session's policy, and whether it is the site's, its group's or an authentication server's."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class SessionInfo(Message):
    session: int
    user: str
    group: str
    site: str
    state: str
    peer: str
    user_agent: str
    hostname: str
    ipv4: str
    ipv6: str
    slot: int
    tls: TlsFacts | None
    datagram: DatagramFacts | None
    created: int
    connected: int
    expires: int
    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int
    policy: tuple[PolicyFact, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionTable(Reply):
    sessions: tuple[SessionInfo, ...]
    next: int


@dataclass(frozen=True, slots=True)
class ListSessions(Request):
    """Pages through sessions by id: those above `after`, at most `limit`. `next` is 0 at the end."""

    reply: ClassVar[type[Reply]] = SessionTable
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Disconnected(Reply):
    count: int


@dataclass(frozen=True, slots=True)
class Disconnect(Request):
    """Ends sessions by id or by user and kills their cookies."""

    reply: ClassVar[type[Reply]] = Disconnected
    actor: Actor
    session: int
    user: str
    text: str


@dataclass(frozen=True, slots=True)
class AddUser(Request):
    reply: ClassVar[type[Reply]] = Done
    actor: Actor
    name: str
    password: Secret
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveUser(Request):
    reply: ClassVar[type[Reply]] = Done
    actor: Actor
    name: str


@dataclass(frozen=True, slots=True)
class SetPassword(Request):
    reply: ClassVar[type[Reply]] = Done
    actor: Actor
    name: str
    password: Secret


@dataclass(frozen=True, slots=True)
class UnlockUser(Request):
    reply: ClassVar[type[Reply]] = Done
    actor: Actor
    name: str


@dataclass(frozen=True, slots=True)
class UserInfo(Message):
    name: str
    groups: tuple[str, ...]
    locked_until: int
    failures: int
    created: int
    last_login: int


@dataclass(frozen=True, slots=True)
class UserTable(Reply):
    users: tuple[UserInfo, ...]
    next: str


@dataclass(frozen=True, slots=True)
class ListUsers(Request):
    reply: ClassVar[type[Reply]] = UserTable
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class RecordBatch(Reply):
    """Records as JSON texts, in order of sequence number; `last` is the newest number that exists."""

    records: tuple[str, ...]
    last: int


@dataclass(frozen=True, slots=True)
class ReadRecords(Request):
    """Records above sequence number `after`, at most `limit`; waits up to `wait` seconds when there are none."""

    reply: ClassVar[type[Reply]] = RecordBatch
    after: int
    limit: int
    wait: int


@dataclass(frozen=True, slots=True)
class NoteEvidence(Request):
    """The record of a signature with the evidence key, stored before keyd is asked for it. `digest` is SHA-384 in
    hexadecimal, `subject` names for people what is signed."""

    reply: ClassVar[type[Reply]] = Done
    actor: Actor
    digest: str
    subject: str


@dataclass(frozen=True, slots=True)
class StateCopied(Reply):
    """`file` is the name of the copy in the state folder; whoever asked takes it away."""

    file: str


@dataclass(frozen=True, slots=True)
class CopyState(Request):
    """A copy of the state file as it is at one moment, for a backup, beside it and for its owner alone."""

    reply: ClassVar[type[Reply]] = StateCopied
    actor: Actor


@dataclass(frozen=True, slots=True)
class AdminEvent(Notice):
    """An act of administration that mgmtd itself answered (status, reload, a refused caller)."""

    actor: Actor
    act: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SessiondStatus(Reply):
    """`not_approved`: sessions since its start that have used what is not approved."""

    sessions: int
    tunnels: int
    pools: tuple[Fact, ...]
    records: int
    facts: tuple[Fact, ...]
    not_approved: int = 0


@dataclass(frozen=True, slots=True)
class AskSessiondStatus(Request):
    reply: ClassVar[type[Reply]] = SessiondStatus


@dataclass(frozen=True, slots=True)
class Counter(Message):
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class WorkerStatus(Reply):
    tunnels: int
    connections: int
    counters: tuple[Counter, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class AskWorkerStatus(Request):
    reply: ClassVar[type[Reply]] = WorkerStatus


@dataclass(frozen=True, slots=True)
class NetdStatus(Reply):
    routes: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class AskNetdStatus(Request):
    reply: ClassVar[type[Reply]] = NetdStatus
