# SPDX-License-Identifier: GPL-3.0-or-later
"""From a good login to a session: limits, cookie, record; the answer goes out only when all of it is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wolfguard.auth.login import Granted
from wolfguard.auth.policy import SessionPolicy
from wolfguard.config.site import Site
from wolfguard.ipc.logins import Peer, TlsFacts
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.endings import REPLACED, end_session
from wolfguard.procs.sessiond.entitlement import Entitlement, NotEntitledError, in_words
from wolfguard.procs.sessiond.sessions import FRESH, WAITING, Session
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import SUCCESS
from wolfguard.secret import Secret
from wolfguard.store.interface import NoteLogin, StoreError

log = Log(__name__)

SETTLE_SECONDS: Final = 30


class NoSessionError(Exception):
    """A good login that gets no session: `reason` is a label, `text` for the person."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """Where a login comes from."""

    site: Site
    peer: Peer
    tls: TlsFacts
    user_agent: str


class Creation:
    def __init__(self, state: State) -> None:
        self._state = state
        self._entitlement = Entitlement(state)

    async def create(self, granted: Granted, method: str, facts: LoginFacts) -> tuple[Secret, str]:
        """Makes a session; returns its cookie and what to tell the user. Raises NoSessionError."""
        state = self._state
        user, group, where = granted.user, granted.group, facts.peer.address
        try:
            grant, policy = self._entitlement.of_login(user, facts.site, group, granted.attributes, where)
            self._make_room(user, group, facts.site, policy)
            self._entitlement.have_addresses(user, facts.site, policy, where)
        except NotEntitledError as error:
            raise NoSessionError(error.reason, error.text) from error
        now = state.now()
        cookie, cookie_hash = state.cookies.mint()
        try:
            number = state.number(state.session_numbers)
        except StoreError as error:
            raise _unwritable(error) from error
        timeouts = policy.timeouts
        failures = state.guard.succeeded(user)
        notice = _notice(failures)
        session = Session(
            number=number,
            cookie_hash=cookie_hash,
            user=user,
            group=group,
            site=facts.site.name,
            place=state.sessions.take_place(),
            created=now,
            expires=now + timeouts.session if timeouts.session else 0,
            deadline=now + timeouts.reconnect,
            notice=notice,
            user_agent=facts.user_agent,
            peer=facts.peer,
            tls=facts.tls,
            grant=grant,
            account=state.accounts.of_login(granted.by),
        )
        state.sessions.add(session)
        state.store_failures()
        state.ledger.touch(("session", number))
        state.ledger.change(NoteLogin(user, now))
        self._record(session, method, facts, policy, failures)
        try:
            await state.ledger.kept()
        except StoreError as error:
            if state.sessions.get(number) is session:
                end_session(state, session, "state")
            raise _unwritable(error) from error
        if state.sessions.get(number) is not session:
            raise NoSessionError("ended", "Your session was ended before it began. Log in again.")
        banner = "\n".join(filter(None, (facts.site.banner.session, granted.message, notice)))
        return cookie, banner

    def _make_room(self, user: str, group: str, site: Site, policy: SessionPolicy) -> None:
        state = self._state
        mine = [session for session in state.sessions.of_user(user) if session.site == site.name]
        if policy.sessions_per_user and len(mine) >= policy.sessions_per_user:
            text = f"You have {len(mine)} sessions already, which is the limit. End one of them and log in again."
            self._replace_one(mine, "sessions-per-user", text)
        members = state.sessions.of_group(site.name, group)
        if policy.sessions and len(members) >= policy.sessions:
            text = "Your group has as many sessions as it may have. Try again later."
            self._replace_one([session for session in members if session.user == user], "sessions-of-group", text)
        # Two sessions cannot have one address.
        for session in state.sessions.of_user(user):
            if {session.ipv4, session.ipv6} & {policy.ipv4, policy.ipv6} - {""}:
                text = "You have a session with your address already. End it and log in again."
                self._replace_one([session], "address", text)
        limit = state.settings.configuration.limits.sessions
        if len(state.sessions) >= limit or state.sessions.full:
            raise NoSessionError("sessions", "The gateway is full. Try again later.")

    def _replace_one(self, sessions: Sequence[Session], reason: str, text: str) -> None:
        """Ends the oldest session without a tunnel, or raises NoSessionError where all have one."""
        # A session without a tunnel is most likely this same person's, whose client lost its cookie; one that began a
        # moment ago is still on its way to its first tunnel.
        settled = self._state.now() - SETTLE_SECONDS
        idle = [
            session
            for session in sessions
            if session.state == WAITING or (session.state == FRESH and session.created <= settled)
        ]
        if not idle:
            raise NoSessionError(reason, text)
        end_session(self._state, min(idle, key=lambda each: each.number), REPLACED)

    def _record(self, session: Session, method: str, facts: LoginFacts, policy: SessionPolicy, failures: int) -> None:
        self._state.ledger.record(
            "login.succeeded",
            SUCCESS,
            who=session.user,
            where=facts.peer.address,
            session=session.number,
            site=session.site,
            group=session.group,
            method=method,
            user_agent=facts.user_agent,
            tls_version=facts.tls.version,
            tls_suite=facts.tls.suite,
            tls_group=facts.tls.group,
            tls_signature=facts.tls.signature,
            extended_master_secret=facts.tls.extended_master_secret,
            approved=facts.tls.approved,
            remarks="; ".join(facts.tls.reasons),
            failures=failures,
            policy=in_words(policy),
        )


def _unwritable(error: StoreError) -> NoSessionError:
    log.error("login_not_stored", error=str(error))
    return NoSessionError("state", "The gateway cannot take logins at the moment. Ask your administrator.")


def _notice(failures: int) -> str:
    if not failures:
        return ""
    attempts = "There was 1 failed login" if failures == 1 else f"There were {failures} failed logins"
    return f"{attempts} to your account since your last one. If it was not you, tell your administrator."
