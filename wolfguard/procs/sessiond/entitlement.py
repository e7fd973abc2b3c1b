# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts policy into force: what a login may have, and what living tunnels have after a change of the site file.

What a session gets is computed anew whenever it is asked for (`auth.policy`); this part keeps workers and netd in step
with it, and refuses logins whose grant does not fit. Records each refusal and each attribute that was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from wolfguard.address.pool import AddressError
from wolfguard.auth.grant import NO_ACCESS, Grant, GrantError, read
from wolfguard.auth.policy import SITE, SessionPolicy, budgets
from wolfguard.config.site import Site
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.routes import HostRoute
from wolfguard.ipc.tunnels import SetRates, TunnelRates
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.endings import host_routes
from wolfguard.procs.sessiond.routes import RoutesUnavailableError
from wolfguard.procs.sessiond.sessions import CONNECTED, Session
from wolfguard.procs.sessiond.state import State

log = Log(__name__)

UNUSABLE: Final = "Your account has settings that this gateway cannot use. Ask your administrator."


class NotEntitledError(Exception):
    """A good login whose grant refuses it: `reason` is a label, `text` for the person."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


class Entitlement:
    def __init__(self, state: State) -> None:
        self._state = state

    # --- at the login ------------------------------------------------------------------------------------------------

    def of_login(
        self, user: str, site: Site, group: str, attributes: Sequence[Attribute], where: str
    ) -> tuple[Grant, SessionPolicy]:
        """What a server granted, and the policy that follows; raises NotEntitledError."""
        try:
            grant, ignored = read((each.name, each.value) for each in attributes)
        except GrantError as error:
            raise self._refuse(user, site, where, error.label, error.detail) from error
        for each in ignored:
            detail = f"{each.attribute}: {each.value}"
            self._state.refusal(
                "policy.ignored", reason=each.reason, who=user, where=where, site=site.name, detail=detail
            )
        policy = self._state.settings.policy(site, group, grant)
        if grant.access and policy.access == NO_ACCESS:
            raise self._refuse(user, site, where, "access", f"no access list has the name {grant.access}")
        return grant, policy

    def have_addresses(self, user: str, site: Site, policy: SessionPolicy, where: str) -> None:
        """Whether the addresses of a grant could be leased now; raises NotEntitledError."""
        for address in filter(None, (policy.ipv4, policy.ipv6)):
            try:
                self._state.pools.leasable(address, user, self._state.clock())
            except AddressError as error:
                raise self._refuse(user, site, where, "address", str(error), address_taken(address)) from error

    def _refuse(
        self, user: str, site: Site, where: str, reason: str, detail: str, text: str = UNUSABLE
    ) -> NotEntitledError:
        self._state.refusal("policy.refused", reason=reason, who=user, where=where, site=site.name, detail=detail)
        return NotEntitledError("policy", text)

    # --- while it lives ----------------------------------------------------------------------------------------------

    def of_session(self, session: Session) -> SessionPolicy | None:
        """What a session gets now; None when its site is gone."""
        site = self._state.settings.site(session.site)
        return None if site is None else self._state.settings.policy(site, session.group, session.grant)

    def take(self, session: Session) -> SessionPolicy | None:
        """Notes what the session's tunnel has from here on; a session without a site reaches nothing."""
        policy = self.of_session(session)
        session.access = NO_ACCESS if policy is None else policy.access
        if policy is not None:
            session.rates = budgets(policy.rate)
        return policy

    def reconfigured(self) -> None:
        """Brings living tunnels in step with a new site file."""
        self.refresh(self._state.sessions)

    def refresh(self, sessions: Iterable[Session]) -> None:
        """Brings the tunnels of these in step with what they may have now."""
        routes: list[HostRoute] = []
        for session in sessions:
            before = session.access, session.rates
            self.take(session)
            if session.state != CONNECTED:
                continue
            if session.access != before[0]:
                routes += host_routes(session)
            if session.rates != before[1]:
                self._state.spawn(self._set_rates(session), "set-rates")
        if routes:
            self._state.spawn(self._set_routes(routes), "set-access")

    async def _set_routes(self, routes: Sequence[HostRoute]) -> None:
        try:
            await self._state.routes.set(routes)
        except RoutesUnavailableError as error:
            # They are compared again when netd is back; what it holds meanwhile is what it had.
            log.warning("access_not_changed", count=len(routes), error=str(error))

    async def _set_rates(self, session: Session) -> None:
        channel = self._state.workers.get(session.slot)
        if channel is None:
            return
        try:
            await channel.request(SetRates(session.number, session.epoch, rates(session)))
        except IpcError as error:
            log.warning("rates_not_set", session=session.number, slot=session.slot, error=str(error))


def address_taken(address: str) -> str:
    """What a user is told whose own address cannot be had."""
    return f"Your address {address} cannot be given to you now. Try again later, or ask your administrator."


def in_words(policy: SessionPolicy) -> str:
    """What a record says of a policy: what is not the site's own."""
    return ", ".join(f"{name} {value or 'none'} ({origin})" for name, value, origin in policy.facts() if origin != SITE)


def rates(session: Session) -> TunnelRates:
    """As a worker is told."""
    up, down = session.rates
    return TunnelRates(up.bytes_per_second, up.burst, down.bytes_per_second, down.burst)
