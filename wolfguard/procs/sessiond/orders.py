# SPDX-License-Identifier: GPL-3.0-or-later
"""What authentication servers order about sessions that live: their end, or other limits (RFC 5176).

A server reaches the sessions that its own backend let in, and no others. A change is judged for all sessions that it
names before it is made for any. What a worker or the client was told and cannot be told anew (a longer life, another
idle time, another network) comes into force by a new tunnel: the old one ends without a farewell, and the client comes
back at once. Each order is recorded; its answer goes out when what it did is on disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wolfguard.auth import grant as grants
from wolfguard.auth.grant import NO_ACCESS, Grant, GrantError
from wolfguard.auth.policy import SessionPolicy
from wolfguard.auth.remote import shown
from wolfguard.ipc import orders
from wolfguard.ipc.channel import Sender
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.orders import OrderSessions, OrdersRefused, SessionsOrdered
from wolfguard.procs.sessiond.account import Account, reread
from wolfguard.procs.sessiond.accounts import session_id
from wolfguard.procs.sessiond.endings import ORDERED, end_session, end_tunnel
from wolfguard.procs.sessiond.entitlement import Entitlement, in_words
from wolfguard.procs.sessiond.sessions import CONNECTED, Session
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import SUCCESS
from wolfguard.store.interface import StoreError

_TRAITS: Final[Mapping[str, Callable[[Session], str]]] = {
    orders.BY_ID: lambda session: session_id(session),
    orders.BY_USER: lambda session: session.user,
    orders.BY_IPV4: lambda session: session.ipv4,
    orders.BY_IPV6: lambda session: session.ipv6,
    orders.BY_ADDRESS: lambda session: session.peer.address if session.peer else "",
    orders.BY_SITE: lambda session: session.site,
}


_NUMBER: Final = re.compile(r"[0-9a-f]{1,16}")


class _NotOrderedError(Exception):
    """`error` is one of the labels of `ipc.orders`."""

    def __init__(self, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a session will be."""

    session: Session
    group: str
    grant: Grant
    account: Account
    policy: SessionPolicy
    expires: int
    anew: bool


class Orders:
    """Handlers of authd's orders."""

    def __init__(self, state: State, entitlement: Entitlement) -> None:
        self._state = state
        self._entitlement = entitlement
        self._backends = {
            backend.name
            for backend in state.settings.configuration.backends
            if backend.radius is not None and backend.radius.dynamic_authorization is not None
        }

    async def order(self, message: OrderSessions, sender: Sender) -> SessionsOrdered:
        """The answer says whether it was done; nothing of it was when it says not."""
        try:
            chosen = self._chosen(message)
            if message.act == orders.DISCONNECT:
                self._disconnect(message, chosen)
            elif message.act == orders.CHANGE:
                for plan in [self._plan(session, message) for session in chosen]:
                    self._change(message, plan)
            else:
                raise _NotOrderedError(orders.INVALID_REQUEST)
            await self._state.ledger.flushed()
        except _NotOrderedError as error:
            self._refuse(message.backend, message.server, error.error, detail=error.detail)
            return SessionsOrdered(error.error)
        except StoreError as error:
            self._refuse(message.backend, message.server, orders.RESOURCES, detail=str(error))
            return SessionsOrdered(orders.RESOURCES)
        return SessionsOrdered("", len(chosen))

    async def refused(self, message: OrdersRefused, sender: Sender) -> None:
        """authd has let nothing of these through."""
        self._refuse(message.backend, message.server, message.reason, count=max(1, message.count))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _chosen(self, message: OrderSessions) -> tuple[Session, ...]:
        names = [(_TRAITS.get(each.way), each.value) for each in message.names]
        # authd would not pass on what the site file does not allow, unless somebody has captured it.
        allowed = message.backend in self._backends
        if not allowed or not names or any(trait is None or not value for trait, value in names):
            raise _NotOrderedError(orders.INVALID_REQUEST)
        chosen = tuple(
            session
            for session in self._candidates({each.way: each.value for each in message.names})
            if _let_in(session, message.backend) and all(trait and trait(session) == value for trait, value in names)
        )
        if not chosen:
            raise _NotOrderedError(orders.NOT_FOUND)
        return chosen

    def _candidates(self, named: Mapping[str, str]) -> Iterable[Session]:
        """Those that may fit: few of many, where the order names a session or a user."""
        sessions = self._state.sessions
        if orders.BY_ID in named:
            number = named[orders.BY_ID].rpartition("-")[2]
            found = sessions.get(int(number, 16)) if _NUMBER.fullmatch(number) else None
            return (found,) if found is not None else ()
        return sessions.of_user(named[orders.BY_USER]) if orders.BY_USER in named else tuple(sessions)

    def _disconnect(self, message: OrderSessions, chosen: Sequence[Session]) -> None:
        for session in chosen:
            self._note(message, session, "")
            end_session(self._state, session, ORDERED, shown(message.text))

    def _plan(self, session: Session, message: OrderSessions) -> _Plan:
        state = self._state
        site = state.settings.site(session.site)
        if site is None or session.account is None:
            raise _NotOrderedError(orders.NOT_FOUND)
        group = message.group or session.group
        if message.group and message.group not in {each.name for each in site.groups}:
            raise _NotOrderedError(orders.INVALID_VALUE, f"{session.site} has no group {message.group[:64]!r}")
        before = state.settings.policy(site, session.group, session.grant)
        grant = self._granted(session, message.attributes)
        policy = state.settings.policy(site, group, grant)
        if policy.access == NO_ACCESS != before.access:
            raise _NotOrderedError(orders.INVALID_VALUE, "the group has an access list that is not there")
        # Where nothing was said of its life, it keeps the one that it has: a reload does not move it either.
        life = policy.timeouts.session if grant.session_timeout is not None else 0
        moved = grant.session_timeout != session.grant.session_timeout
        expires = (session.created + life if life else 0) if moved else session.expires
        later = moved and session.expires and (not expires or expires > session.expires)
        told = (before.network, before.timeouts.idle) != (policy.network, policy.timeouts.idle)
        account = reread(session.account, message.backend, message.attributes)
        return _Plan(session, group, grant, account, policy, expires, bool(later or told))

    def _granted(self, session: Session, attributes: Sequence[Attribute]) -> Grant:
        """With what is said anew. A life counts from now (RFC 2865 section 5.27), that of a grant from the login."""
        spent = max(0, self._state.now() - session.created)
        try:
            grant, _ = grants.read((each.name, each.value) for each in attributes)
        except GrantError as error:
            raise _NotOrderedError(orders.INVALID_VALUE, error.detail) from error
        new = {name: value for name in grants.CHANGED if (value := getattr(grant, name)) is not None}
        if grant.session_timeout is not None:
            new["session_timeout"] = grant.session_timeout + spent
        return replace(session.grant, **new)

    def _change(self, message: OrderSessions, plan: _Plan) -> None:
        state, session = self._state, plan.session
        state.sessions.regroup(session, plan.group)
        session.grant, session.account = plan.grant, plan.account
        if plan.expires != session.expires:
            state.sessions.expire_at(session, plan.expires)
        state.accounts.rearm(session)
        state.ledger.touch(("session", session.number))
        self._note(message, session, in_words(plan.policy))
        self._entitlement.refresh((session,))
        if plan.anew and session.state == CONNECTED:
            state.spawn(end_tunnel(state, session.slot, session.number, session.epoch, None), "tunnel-anew")

    def _note(self, message: OrderSessions, session: Session, policy: str) -> None:
        self._state.ledger.record(
            "session.ordered",
            SUCCESS,
            who=session.user,
            where=message.server,
            session=session.number,
            backend=message.backend,
            act=message.act,
            policy=policy,
        )

    def _refuse(self, backend: str, server: str, reason: str, *, count: int = 1, detail: str = "") -> None:
        self._state.orders_refused += count
        self._state.refusal(
            "session.order-refused", reason=reason, where=server, count=count, backend=backend, detail=detail
        )


def _let_in(session: Session, backend: str) -> bool:
    return session.account is not None and any(at.backend == backend for at in session.account.at)
