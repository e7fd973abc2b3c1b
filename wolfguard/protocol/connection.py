# SPDX-License-Identifier: GPL-3.0-or-later
"""One client's connection, from the end of its TLS handshake to the start of its tunnel: events in, commands out.

RULES of this file: all transitions live here; nothing here waits, and at most one question is open at a time; what a
client sends while a question is open is an offence, since no client pipelines; after CLOSED no byte is sent, but
answers still come in and what they granted is given back.

    state     event            next      commands
    REQUEST   Received         REQUEST   -, or Send (100 Continue, a file, 404, 405)
              Received         LOGIN     [CancelLogin] AskLogin
              Received         LOGOUT    AskLogout
              Received         CONNECT   [Report] AskTunnel
              Received (bad)   CLOSED    Report, Send close
              Unavailable      CLOSED    Report, Send close
    LOGIN     LoginPrompted    REQUEST   Send
              LoginCompleted   REQUEST   Send
              LoginRefused     CLOSED    Send close
    LOGOUT    LoggedOut        REQUEST   Send
    CONNECT   TunnelGranted    TUNNEL    StartTunnel
              TunnelRefused    CLOSED    Send close
    LOGIN, LOGOUT, CONNECT     Received     CLOSED   [CancelLogin] Report, Send close
    LOGIN, LOGOUT, CONNECT     Unavailable  CLOSED   Report, Send close
    any but TUNNEL             Lost         CLOSED   [CancelLogin]
    CLOSED    LoginPrompted    CLOSED    CancelLogin
              LoginCompleted   CLOSED    AskLogout
              TunnelGranted    CLOSED    DropTunnel
              any other        CLOSED    -
    TUNNEL    Received, Lost   TUNNEL    -          (the data plane has the connection)

Send closes as well when the client asked for it, or has used up its requests. A login may go on over a new
connection, so that losing a client between two rounds cancels nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol import cookies, login, login_page, pages, tunnel, tunnel_head
from wolfguard.protocol.agent import Agent, identify, printable
from wolfguard.protocol.commands import (
    AskLogin,
    AskLogout,
    AskTunnel,
    CancelLogin,
    Command,
    DropTunnel,
    Fault,
    Report,
    Send,
    StartTunnel,
)
from wolfguard.protocol.events import (
    Event,
    LoggedOut,
    LoginCompleted,
    LoginPrompted,
    LoginRefused,
    Lost,
    Received,
    TunnelGranted,
    TunnelRefused,
    Unavailable,
)
from wolfguard.protocol.http import HttpServer, Limits, Request, Response
from wolfguard.protocol.login import Style
from wolfguard.protocol.refusals import REFUSALS

REQUESTS_MAX: Final = 100
"""A login of many rounds and a client's search for files need a few dozen."""

# A wrong path or method harms nobody; Cisco's clients try several and go on with the same connection.
_HARMLESS: Final = frozenset({"http_path", "http_method"})
Write = Callable[[], Response]
_INTERNAL: Final = "The gateway cannot answer this request"


class State(Enum):
    REQUEST = "request"
    LOGIN = "login"
    LOGOUT = "logout"
    CONNECT = "connect"
    TUNNEL = "tunnel"
    CLOSED = "closed"


class Connection:
    """Give every event to `handle` and do what it returns, in order. LocalError means that an answer was not due."""

    def __init__(self, groups: pages.Groups, limits: Limits) -> None:
        self._groups = groups
        self._http = HttpServer(limits)
        self._state = State.REQUEST
        self._requests = 0
        self._style = Style.XML
        self._action = pages.LOGIN_ACTION
        self._flow = ""
        self._agent: Agent = identify("")

    @property
    def state(self) -> State:
        return self._state

    @property
    def reading(self) -> bool:
        """Whether the client may be read. Not after a CONNECT: what follows it belongs to the tunnel."""
        return self._state in (State.REQUEST, State.LOGIN, State.LOGOUT)

    @property
    def held(self) -> int:
        """Bytes of an unfinished request in memory."""
        return self._http.held

    def handle(self, event: Event) -> tuple[Command, ...]:
        if self._state is State.CLOSED:
            return _late(event)
        if self._state is State.TUNNEL:
            return self._in_tunnel(event)
        if isinstance(event, Lost):
            return self._lost()
        if isinstance(event, Unavailable):
            return self._unavailable(event)
        if isinstance(event, Received):
            return self._received(event.data)
        return self._answered(event)

    # --- the client speaks ------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> tuple[Command, ...]:
        if self._state is not State.REQUEST:
            cancelled = self._cancel()
            return (*cancelled, *self._offence(PeerError("http_pipelined", "data before the answer")))
        try:
            request = self._http.receive(data)
        except PeerError as error:
            return self._offence(error)
        interim = self._http.interim()
        before = (Send(interim),) if interim else ()
        if request is None:
            return before
        self._requests += 1
        try:
            return (*before, *self._route(request))
        except PeerError as error:
            return (*before, *self._offence(error))

    def _route(self, request: Request) -> tuple[Command, ...]:
        if request.method == "CONNECT":
            return self._connect(request)
        path = request.path
        if path == pages.LOGOUT_PATH:
            return self._logout(request)
        group = "" if path in pages.LOGIN_PATHS else self._groups.at(path)
        if path in pages.LOGIN_PATHS or group:
            return self._login(request, group)
        file = pages.FILES.get(path)
        if file is None:
            raise PeerError("http_path", printable(path, 64))
        _allow(request, "GET", "HEAD")
        return (self._respond(file),)

    def _login(self, request: Request, group: str) -> tuple[Command, ...]:
        _allow(request, "GET", "POST")
        if request.method == "GET":
            message = login.plain_start()
        else:
            message = login.parse(request.body, cookies.find_context(request))
        self._style = message.style
        self._action = request.path if group else pages.LOGIN_ACTION
        before = self._cancel() if message.initial else ()
        self._flow = message.flow
        self._state = State.LOGIN
        # A wish that no group here answers to travels on as it is: whoever knows the user can say so.
        wished = self._groups.resolve(message.group) or message.group
        chosen = wished or group or self._groups.at(message.access)
        user_agent = identify(request.header("user-agent")).text
        return (*before, AskLogin(message.flow, chosen, message.fields, user_agent))

    def _logout(self, request: Request) -> tuple[Command, ...]:
        _allow(request, "GET", "POST")
        try:
            cookie = cookies.find_session(request)
        except PeerError:
            # Whoever has no session is logged out already.
            return (self._respond(login_page.goodbye()),)
        self._state = State.LOGOUT
        return (AskLogout(cookie),)

    def _connect(self, request: Request) -> tuple[Command, ...]:
        if request.path not in tunnel.PATHS:
            raise PeerError("http_path", f"CONNECT {printable(request.target, 64)}")
        asked = tunnel.parse(request)
        self._agent = asked.agent
        self._state = State.CONNECT
        return (*(Report(note) for note in asked.notes), AskTunnel(asked))

    # --- the world answers ------------------------------------------------------------------------------------------

    def _answered(self, event: Event) -> tuple[Command, ...]:
        match self._state, event:
            case State.LOGIN, LoginPrompted(flow, form):
                self._flow = flow
                return self._written(lambda: login_page.ask(form, flow, style=self._style, action=self._action), event)
            case State.LOGIN, LoginCompleted(flow, cookie, banner):
                self._flow = ""
                return self._written(lambda: login_page.complete(cookie, flow, banner, style=self._style), event)
            case State.LOGIN, LoginRefused(reason):
                self._flow = ""
                return self._written(lambda: login_page.refuse(reason, style=self._style), event, close=True)
            case State.LOGOUT, LoggedOut():
                return self._written(login_page.goodbye, event)
            case State.CONNECT, TunnelGranted(offer):
                return self._granted(offer)
            case State.CONNECT, TunnelRefused(status, reason):
                return (self._respond(tunnel_head.refuse(status, reason), close=True),)
        raise LocalError(f"{type(event).__name__} is no answer in state {self._state.value}")

    def _granted(self, offer: tunnel_head.TunnelOffer) -> tuple[Command, ...]:
        try:
            head = tunnel_head.render(offer, self._agent)
        except LocalError as error:
            refusal = self._respond(tunnel_head.refuse(503, _INTERNAL), close=True)
            return (Fault(str(error)), DropTunnel(), refusal)
        self._state = State.TUNNEL
        return (StartTunnel(head),)

    def _written(self, write: Write, event: Event, *, close: bool = False) -> tuple[Command, ...]:
        """Sends what `write` returns; what cannot be written down is a fault of ours, and its grant is given back."""
        try:
            response = write()
            self._state = State.REQUEST
            return (self._respond(response, close=close),)
        except LocalError as error:
            refusal = self._respond(tunnel_head.refuse(503, _INTERNAL), close=True)
            return (Fault(str(error)), *_late(event), refusal)

    def _unavailable(self, event: Unavailable) -> tuple[Command, ...]:
        answer = self._respond(tunnel_head.refuse(REFUSALS[event.label], event.reason), close=True)
        return (Report(event.label, event.reason), answer)

    # --- ends -------------------------------------------------------------------------------------------------------

    def _in_tunnel(self, event: Event) -> tuple[Command, ...]:
        if isinstance(event, Received | Lost):
            return ()
        raise LocalError(f"{type(event).__name__} is no answer in state {self._state.value}")

    def _lost(self) -> tuple[Command, ...]:
        cancelled = self._cancel() if self._state is State.LOGIN else ()
        self._state = State.CLOSED
        return cancelled

    def _cancel(self) -> tuple[Command, ...]:
        flow, self._flow = self._flow, ""
        return (CancelLogin(flow),) if flow else ()

    def _offence(self, error: PeerError) -> tuple[Command, ...]:
        status = REFUSALS[error.label]
        allowed = (("Allow", "GET, POST"),) if status == 405 else ()
        answer = self._respond(Response(status, headers=allowed), close=error.label not in _HARMLESS)
        return (Report(error.label, error.detail), answer)

    def _respond(self, response: Response, *, close: bool = False) -> Send:
        data, end = self._http.respond(response, close=close or self._requests >= REQUESTS_MAX)
        if end:
            self._state = State.CLOSED
        return Send(data, close=end)


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise PeerError("http_method", printable(f"{request.method} {request.path}", 64))


def _late(event: Event) -> tuple[Command, ...]:
    """Gives back what was granted to a client that has gone."""
    match event:
        case LoginPrompted(flow=flow) if flow:
            return (CancelLogin(flow),)
        case LoginCompleted(cookie=cookie):
            return (AskLogout(cookie),)
        case TunnelGranted():
            return (DropTunnel(),)
    return ()
