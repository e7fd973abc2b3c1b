# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection of one caller: request after request, each checked in the same order.

Owns that order (is there such a route, may the caller, is it well formed), time limits of a connection, and the record
of each act. A reading act leaves one record for each connection, so that following the records does not fill them.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import PeerError
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.management import Actor
from wolfguard.procs.mgmtd import routes
from wolfguard.procs.mgmtd.acts import Acts, Answer, Call, error
from wolfguard.procs.mgmtd.roles import GROUPS, Role
from wolfguard.procs.mgmtd.routes import BadRequestError, Route
from wolfguard.protocol.http import HttpServer, Limits, Request, Response
from wolfguard.protocol.refusals import REFUSALS

RECEIVE: Final = 16 * 1024
HEADER_MAX: Final = 8192

# What a code of another process' refusal is in HTTP; any other refusal is the caller's to correct.
STATUS_OF_CODE: Final = {
    "busy": 503,
    "closed": 503,
    "timeout": 504,
    "internal": 500,
    "store": 503,
    "denied": 403,
    "exists": 409,
    "missing": 404,
}


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds for a request to arrive whole, between requests, and for an answer to leave."""

    request: float = 10.0
    idle: float = 60.0
    send: float = 10.0


class Conversation:
    """`refused` is told of every refusal: actor, act, detail."""

    def __init__(
        self,
        connection: socket.socket,
        actor: Actor,
        role: Role,
        acts: Acts,
        refused: Callable[[Actor, str, str], None],
        times: Times,
    ) -> None:
        self._connection = connection
        self._actor = actor
        self._role = role
        self._acts = acts
        self._refused = refused
        self._times = times
        self._http = HttpServer(Limits(header_bytes=HEADER_MAX, body_bytes=routes.BODY_MAX))
        self._recorded: set[tuple[str, str]] = set()

    async def run(self) -> None:
        close = False
        while not close:
            try:
                request = await self._receive()
            except PeerError as problem:
                await self._send(Answer(REFUSALS.get(problem.label, 400), error(problem.label, problem.detail)), True)
                return
            if request is None:
                return
            close = await self._send(await self._answer(request), request.header("connection").lower() == "close")

    async def _receive(self) -> Request | None:
        """The next request; None when the caller has gone. Raises PeerError, TimeoutError."""
        loop = asyncio.get_running_loop()
        seconds = self._times.idle
        deadline: float | None = None
        while True:
            async with asyncio.timeout_at(deadline) if deadline else asyncio.timeout(seconds):
                data = await loop.sock_recv(self._connection, RECEIVE)
            if not data:
                return None
            deadline = deadline or loop.time() + self._times.request
            if (request := self._http.receive(data)) is not None:
                return request
            if interim := self._http.interim():
                await self._transmit(interim)

    async def _send(self, answer: Answer, close: bool) -> bool:
        """Whether the connection is at its end."""
        body = json.dumps(answer.body, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        data, must_close = self._http.respond(Response(answer.status, body, "application/json"), close=close)
        await self._transmit(data)
        return close or must_close

    async def _transmit(self, data: bytes) -> None:
        async with asyncio.timeout(self._times.send):
            await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def _answer(self, request: Request) -> Answer:
        act = "unknown"
        try:
            route, in_path = routes.find(request)
            act = route.act
            if self._role < route.role:
                return self._forbid(route)
            arguments = routes.arguments(route, request, in_path)
            if act == "shutdown":
                # Afterwards nobody would be left to write it down.
                self._acts.record(self._actor, act, "success")
            answer = await self._acts.table[act](Call(self._actor, arguments))
        except BadRequestError as problem:
            if self._role is Role.NOBODY:
                return self._forbid(None)
            return Answer(problem.status, error(problem.label, problem.detail))
        except IpcError as problem:
            answer = Answer(STATUS_OF_CODE.get(problem.code, 400), error(problem.code, problem.text or problem.code))
        self._record(route, answer)
        return answer

    def _record(self, route: Route, answer: Answer) -> None:
        if route.recorded != "mgmtd" or route.act == "shutdown":
            return
        outcome = answer.body.get("error", {}).get("code", "success")
        if route.method == "GET":
            if (route.act, outcome) in self._recorded:
                return
            self._recorded.add((route.act, outcome))
        self._acts.record(self._actor, route.act, outcome)

    def _forbid(self, route: Route | None) -> Answer:
        needed = Role.AUDITOR if route is None else route.role
        groups = [group for role, group in GROUPS.items() if role >= needed]
        who = f"{self._actor.name} is {self._actor.role}" if self._role else f"{self._actor.name} has no role here"
        text = f"{who}; this needs root or group {' or '.join(reversed(groups))} (log in again after joining one)"
        self._refused(self._actor, route.act if route else "unknown", f"needs {needed.name.lower()}")
        return Answer(403, error("forbidden", text))
