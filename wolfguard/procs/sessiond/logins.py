# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives logins: feeds each round to its state machine, keeps lockouts, makes sessions.

A step runs as a task of its own: a worker that dies in mid-check takes nothing back, a wrong guess is counted all the
same. Steps begin one a turn of the event loop, so that any number of logins delays a CONNECT by one step at most.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Mapping

from wolfguard.auth.admission import ADMITTED, HELD, Admission
from wolfguard.auth.backend import Backend, Performer, Work
from wolfguard.auth.chain import Factors as Chain
from wolfguard.auth.lockout import ACCOUNT, ADDRESS, FOREVER, source_of
from wolfguard.auth.login import UNAVAILABLE as UNDECIDED
from wolfguard.auth.login import Admit, Granted, Login, Perform, Refused, Said, Show, Site, Undecided, Wrong
from wolfguard.auth.remote import FactorWork
from wolfguard.config import site as configuration
from wolfguard.errors import LocalError
from wolfguard.ipc.channel import Sender
from wolfguard.ipc.factors import FactorAnswer
from wolfguard.ipc.logins import LoginAnswer, LoginCancel, LoginStep
from wolfguard.procs.sessiond.creation import Creation, LoginFacts, NoSessionError
from wolfguard.procs.sessiond.factors import Factors, Origin
from wolfguard.procs.sessiond.flows import Flow, Flows
from wolfguard.procs.sessiond.state import State
from wolfguard.records.record import timestamp
from wolfguard.records.schema import FAILURE

BUSY = "Too many logins at the moment. Try again in a minute."
UNAVAILABLE = "The gateway cannot take logins at the moment. Ask your administrator."
NO_SITE = "This gateway does not serve this name."
TOGETHER = "This login is being worked on already. Connect again."


class Turns:
    """Lets waiting steps begin one a turn of the loop, in order."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._next)
        self._waiting.append(future)
        await future

    def _next(self) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if not self._waiting:
            return
        self._waiting.popleft().set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)


class Logins:
    """Handlers of LoginStep and LoginCancel. `performers` carry out the work of backends, by its type."""

    def __init__(
        self,
        state: State,
        backends: Mapping[str, Backend],
        performers: Mapping[type[Work], Performer],
        factors: Factors,
        random: Callable[[int], bytes],
    ) -> None:
        self._state = state
        self._backends = backends
        self._performers = performers
        self._factors = factors
        self._random = random
        self._creation = Creation(state)
        self._admission = Admission(state.guard)
        self._held: dict[Hashable, asyncio.Future[str]] = {}
        self._turns = Turns()
        limits = state.settings.configuration.limits
        self.flows = Flows(limits.logins, limits.unauthenticated, lambda flow: factors.cancel(flow.login.close()))

    async def step(self, message: LoginStep, sender: Sender) -> LoginAnswer:
        """One round."""
        answer: LoginAnswer = await asyncio.shield(self._state.spawn(self._step(message), "login"))
        return answer

    async def cancel(self, message: LoginCancel, sender: Sender) -> None:
        """The client has gone: a waiting flow is forgotten, one in mid-check makes no session."""
        flow = self.flows.named(message.flow)
        if flow is None:
            return
        flow.abandoned = True
        if flow.task is not None:
            # Leaves any queue; a check that has begun runs to its end and counts.
            flow.task.cancel()
        else:
            self.flows.remove(flow)

    def reconfigured(self) -> None:
        limits = self._state.settings.configuration.limits
        self.flows.limit, self.flows.per_source = limits.logins, limits.unauthenticated

    async def _step(self, message: LoginStep) -> LoginAnswer:
        await self._turns.turn()
        site = self._state.settings.site(message.site)
        if site is None:
            return self._refused(message, "site", NO_SITE)
        facts = LoginFacts(site, message.peer, message.tls, message.user_agent)
        fields = dict(message.fields)
        source = source_of(message.peer.address)
        flow = self.flows.find(message.flow, site.name, source) if message.flow else None
        if flow is None:
            flow = self._new_flow(site, source)
            if not self.flows.add(flow):
                return self._refused(message, "busy", BUSY)
            return await self._run(flow, facts, lambda: flow.login.begin(message.group, fields))
        if not self.flows.idle(flow):
            return self._refused(message, "together", TOGETHER)
        self.flows.work(flow)
        return await self._run(flow, facts, lambda: flow.login.fill(message.group, fields))

    def _new_flow(self, site: configuration.Site, source: str) -> Flow:
        groups = tuple((group.name, group.label) for group in site.groups)
        factors = {group.name: self._chain(group.authentication, group.combine) for group in site.groups}
        own = self._chain(site.authentication, site.combine)
        if own is None:
            raise LocalError(f"site {site.name} names no way to log in")
        consent = site.banner.consent and bool(site.banner.login)
        login = Login(Site(site.name, groups, site.banner.login, consent), lambda group: factors.get(group) or own)
        deadline = self._state.clock() + site.timeouts.login
        return Flow(self._random(16).hex(), site.name, source, login, deadline)

    def _chain(self, names: tuple[str, ...], combine: str) -> Chain | None:
        """None where a group has no factors of its own."""
        missing = [name for name in names if name not in self._backends]
        if missing:
            # A reload that names a new backend; it is made at the next start.
            raise LocalError(f"the backends {', '.join(missing)} are not available before a restart")
        return Chain(tuple(self._backends[name] for name in names), combine) if names else None

    async def _run(self, flow: Flow, facts: LoginFacts, first: Callable[[], Said]) -> LoginAnswer:
        flow.task = asyncio.current_task()
        try:
            answer = await self._play(flow, facts, first())
        except asyncio.CancelledError:
            if not flow.abandoned:
                raise
            answer = self._refuse(facts, flow, "abandoned", UNAVAILABLE)
        except Exception:
            self.flows.remove(flow)
            raise
        finally:
            flow.task = None
        if answer.state == "form" and not flow.abandoned:
            self.flows.rest(flow)
        else:
            self.flows.remove(flow)
        return answer

    async def _play(self, flow: Flow, facts: LoginFacts, said: Said) -> LoginAnswer:
        try:
            while True:
                match said:
                    case Show(form):
                        return LoginAnswer("form", flow.name, form=form)
                    case Admit(user):
                        said = await self._admit(flow, user)
                    case Perform(FactorWork() as work):
                        said = flow.login.performed(await self._ask_elsewhere(flow, facts, work))
                    case Perform(work):
                        said = flow.login.performed(await self._performers[type(work)](work))
                    case Wrong():
                        self._wrong(flow, facts, said)
                        self._leave(flow)
                        self._factors.cancel(flow.login.left())
                        said = said.then
                    case Granted():
                        return await self._grant(flow, facts, said)
                    case Undecided(backend, reason):
                        return self._undecided(flow, facts, backend, reason)
                    case Refused(reason, text):
                        return self._refuse(facts, flow, reason, text)
        finally:
            self._leave(flow)

    async def _admit(self, flow: Flow, user: str | None) -> Said:
        if not self._state.ledger.accepting:
            return Refused("state", UNAVAILABLE)
        verdict = self._admission.enter(flow, user, flow.source, self._state.clock())
        if verdict == HELD:
            future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._held[flow] = future
            verdict = await future
        return flow.login.admitted() if verdict == ADMITTED else flow.login.locked()

    def _leave(self, flow: Flow) -> None:
        for other, verdict in self._admission.leave(flow, self._state.clock()):
            future = self._held.pop(other, None)
            if future is not None and not future.done():
                future.set_result(verdict)
        self._held.pop(flow, None)

    def _wrong(self, flow: Flow, facts: LoginFacts, wrong: Wrong) -> None:
        self._state.refusal(
            "login.failed",
            reason=wrong.reason,
            who=wrong.user or "",
            where=facts.peer.address,
            site=facts.site.name,
            method=flow.login.method,
            user_agent=facts.user_agent,
        )
        if wrong.counts:
            self._count(flow, facts, wrong)

    def _count(self, flow: Flow, facts: LoginFacts, wrong: Wrong) -> None:
        state = self._state
        where, now = facts.peer.address, state.clock()
        if wrong.user is not None:
            until = state.guard.failed((ACCOUNT, wrong.user), now, known=wrong.known)
            if until:
                text = "unlock" if until == FOREVER else timestamp(until)
                state.ledger.record("account.locked", FAILURE, who=wrong.user, where=where, until=text)
        until = state.guard.failed((ADDRESS, flow.source), now)
        if until:
            state.ledger.record("address.locked", FAILURE, where=flow.source, until=timestamp(until))
        state.store_failures()

    async def _grant(self, flow: Flow, facts: LoginFacts, granted: Granted) -> LoginAnswer:
        if flow.abandoned:
            return self._refuse(facts, flow, "abandoned", UNAVAILABLE)
        try:
            cookie, banner = await self._creation.create(granted, flow.login.method, facts)
        except NoSessionError as error:
            return self._refuse(facts, flow, error.reason, error.text)
        session = self._state.sessions.by_cookie(self._state.cookies.hash(cookie) or b"")
        if session is not None:
            self._factors.hold(flow.login.close(), session.number)
        return LoginAnswer("done", flow.name, cookie=cookie, banner=banner, user=granted.user)

    async def _ask_elsewhere(self, flow: Flow, facts: LoginFacts, work: FactorWork) -> FactorAnswer:
        origin = Origin(facts.site.name, facts.peer, facts.user_agent)
        try:
            return await self._factors.perform(work, origin)
        except asyncio.CancelledError:
            # Who leaves before the answer has guessed all the same, or answers could be told by their time.
            if work.answers:
                self._wrong(flow, facts, Wrong(flow.login.user, "abandoned", False, True, Refused("abandoned", "")))
            raise

    def _undecided(self, flow: Flow, facts: LoginFacts, backend: str, reason: str) -> LoginAnswer:
        self._state.refusal(
            "login.unavailable",
            reason=reason,
            who=flow.login.user or "",
            where=facts.peer.address,
            site=facts.site.name,
            method=backend,
            user_agent=facts.user_agent,
        )
        return LoginAnswer("refused", flow.name, reason=UNDECIDED)

    def _refuse(self, facts: LoginFacts, flow: Flow, reason: str, text: str) -> LoginAnswer:
        self._state.refusal(
            "login.refused",
            reason=reason,
            who=flow.login.user or "",
            where=facts.peer.address,
            site=facts.site.name,
            user_agent=facts.user_agent,
        )
        return LoginAnswer("refused", flow.name, reason=text)

    def _refused(self, message: LoginStep, reason: str, text: str) -> LoginAnswer:
        self._state.refusal(
            "login.refused",
            reason=reason,
            where=message.peer.address,
            site=message.site,
            user_agent=message.user_agent,
        )
        return LoginAnswer("refused", message.flow, reason=text)
