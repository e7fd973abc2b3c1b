# SPDX-License-Identifier: GPL-3.0-or-later
"""What each act of the route table does: which process is asked for what, and which record it leaves.

Owns the translation between arguments, messages and answers. Must not know sockets, HTTP's form or roles: it is
called only with an actor whose role was found sufficient.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wolfguard.ipc.management import (
    Actor,
    AddUser,
    AdminEvent,
    AskModuleStates,
    AskNetdStatus,
    AskSessiondStatus,
    AskSupervisorStatus,
    AskWorkerStatus,
    CopyState,
    Disconnect,
    ListSessions,
    ListUsers,
    NoteEvidence,
    ProcessModule,
    ReadRecords,
    Reload,
    RemoveUser,
    Replace,
    SetPassword,
    Shutdown,
    UnlockUser,
)
from wolfguard.procs.log import Log
from wolfguard.procs.mgmtd import views
from wolfguard.procs.mgmtd.evidence import EvidenceKey, read_digest
from wolfguard.procs.mgmtd.peers import Peers

RELOAD_SECONDS: Final = 60.0
PASSWORD_SECONDS: Final = 20.0
COPY_SECONDS: Final = 60.0
DEFAULT_TEXT: Final = "Disconnected by an administrator"

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` are checked and complete, by the names in the route table."""

    actor: Actor
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]


Act = Callable[[Call], Awaitable[Answer]]


class Acts:
    """By name in `table`."""

    def __init__(self, peers: Peers, evidence: EvidenceKey) -> None:
        self._peers = peers
        self._evidence = evidence
        self.table: Mapping[str, Act] = {
            "status": self._status,
            "sessions": self._sessions,
            "end_session": self._end_session,
            "disconnect": self._disconnect,
            "users": self._users,
            "add_user": self._add_user,
            "remove_user": self._remove_user,
            "set_password": self._set_password,
            "unlock_user": self._unlock_user,
            "events": self._events,
            "sign_evidence": self._sign_evidence,
            "reload": self._reload,
            "replace": self._replace,
            "copy_state": self._copy_state,
            "shutdown": self._shutdown,
        }

    def record(self, actor: Actor, act: str, outcome: str, detail: str = "") -> None:
        """A record by way of sessiond; `outcome` is "success" or a label of why not.

        While sessiond is away, a line in the log is all that stays.
        """
        if not self._peers.tell("sessiond", AdminEvent(actor, act, outcome, detail)):
            log.warning("unrecorded_act", act=act, outcome=outcome, uid=actor.uid, name=actor.name, detail=detail)

    async def _status(self, call: Call) -> Answer:
        supervisor, sessiond, netd, workers, modules = await asyncio.gather(
            self._peers.ask_softly("supervisor", AskSupervisorStatus()),
            self._peers.ask_softly("sessiond", AskSessiondStatus()),
            self._peers.ask_softly("netd", AskNetdStatus()),
            self._peers.ask_workers(AskWorkerStatus()),
            self._modules(),
        )
        return Answer(200, views.status(supervisor, sessiond, netd, workers, modules))

    async def _modules(self) -> list[ProcessModule]:
        """What each process has observed of its cryptographic module; what nobody says is not there."""
        found: list[ProcessModule] = []
        after = 0
        while (page := await self._peers.ask_softly("supervisor", AskModuleStates(after))) is not None:
            found += page.processes
            if page.next <= after:
                break
            after = page.next
        return found

    async def _sessions(self, call: Call) -> Answer:
        message = ListSessions(call.arguments["after"], call.arguments["limit"])
        table = await self._peers.ask("sessiond", message)
        return Answer(200, {"sessions": [views.session(info) for info in table.sessions], "next": table.next})

    async def _end_session(self, call: Call) -> Answer:
        number = call.arguments["session"]
        message = Disconnect(call.actor, number, "", call.arguments["text"] or DEFAULT_TEXT)
        done = await self._peers.ask("sessiond", message)
        if not done.count:
            return Answer(404, error("session", f"no session {number}; wolfguard sessions lists them"))
        return Answer(200, {"count": done.count})

    async def _disconnect(self, call: Call) -> Answer:
        message = Disconnect(call.actor, 0, call.arguments["user"], call.arguments["text"] or DEFAULT_TEXT)
        done = await self._peers.ask("sessiond", message)
        return Answer(200, {"count": done.count})

    async def _users(self, call: Call) -> Answer:
        message = ListUsers(call.arguments["after"], call.arguments["limit"])
        table = await self._peers.ask("sessiond", message)
        return Answer(200, {"users": [views.user(info) for info in table.users], "next": table.next})

    async def _add_user(self, call: Call) -> Answer:
        given = call.arguments
        message = AddUser(call.actor, given["name"], given["password"], given["groups"])
        await self._peers.ask("sessiond", message, seconds=PASSWORD_SECONDS)
        return Answer(200, {})

    async def _remove_user(self, call: Call) -> Answer:
        await self._peers.ask("sessiond", RemoveUser(call.actor, call.arguments["name"]))
        return Answer(200, {})

    async def _set_password(self, call: Call) -> Answer:
        message = SetPassword(call.actor, call.arguments["name"], call.arguments["password"])
        await self._peers.ask("sessiond", message, seconds=PASSWORD_SECONDS)
        return Answer(200, {})

    async def _unlock_user(self, call: Call) -> Answer:
        await self._peers.ask("sessiond", UnlockUser(call.actor, call.arguments["name"]))
        return Answer(200, {})

    async def _events(self, call: Call) -> Answer:
        given = call.arguments
        message = ReadRecords(given["after"], given["limit"], given["wait"])
        batch = await self._peers.ask("sessiond", message, seconds=given["wait"] + 10.0)
        return Answer(200, views.records(batch))

    async def _sign_evidence(self, call: Call) -> Answer:
        """The record is stored first: there is no signature without one."""
        digest, subject = read_digest(call.arguments["digest"]), call.arguments["subject"]
        self._evidence.require()
        await self._peers.ask("sessiond", NoteEvidence(call.actor, digest.hex(), subject))
        return Answer(200, await self._evidence.sign(digest))

    async def _reload(self, call: Call) -> Answer:
        report = await self._peers.ask("supervisor", Reload(), seconds=RELOAD_SECONDS)
        if report.error:
            return Answer(409, error("configuration", report.error))
        return Answer(200, {"generation": report.generation, "needs_restart": list(report.needs_restart)})

    async def _replace(self, call: Call) -> Answer:
        begun = await self._peers.ask("supervisor", Replace())
        if begun.error:
            return Answer(409, error("not_replaceable", begun.error))
        return Answer(200, {"version": begun.version})

    async def _copy_state(self, call: Call) -> Answer:
        copied = await self._peers.ask("sessiond", CopyState(call.actor), seconds=COPY_SECONDS)
        return Answer(200, {"file": copied.file})

    async def _shutdown(self, call: Call) -> Answer:
        await self._peers.ask("supervisor", Shutdown(call.arguments["keep_sessions"]))
        return Answer(200, {})


def error(code: str, text: str) -> dict[str, Any]:
    """The one form of every answer that is no success."""
    return {"error": {"code": code, "text": text}}
