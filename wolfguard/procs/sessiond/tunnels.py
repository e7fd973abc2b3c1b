# SPDX-License-Identifier: GPL-3.0-or-later
"""CONNECT and what follows: granting, replacing and losing tunnels.

A reconnect waits for no disk and no password work: it is a look-up, an epoch, and a route that is set before the grant
is sent. Only the first tunnel of a session, which leases its addresses, waits until the lease is durable.
"""

from __future__ import annotations

from typing import Final, NoReturn

from wolfguard.address.pool import AddressError, PoolFullError
from wolfguard.auth.lockout import source_of
from wolfguard.auth.policy import SessionPolicy
from wolfguard.config.site import Site
from wolfguard.ipc.channel import Channel, Sender
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.tunnels import DatagramFacts, ListTunnels, LiveTunnel, TunnelClosed, TunnelGrant, TunnelOpen
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.datagrams import judged
from wolfguard.procs.sessiond.endings import IDLE, USER_LEFT, end_session, end_tunnel, host_routes
from wolfguard.procs.sessiond.entitlement import Entitlement, address_taken, rates
from wolfguard.procs.sessiond.routes import RoutesUnavailableError
from wolfguard.procs.sessiond.sessions import CONNECTED, EXPIRED, Session
from wolfguard.procs.sessiond.state import State
from wolfguard.protocol import mtu as mtu_rules
from wolfguard.records.schema import SUCCESS
from wolfguard.store.interface import StoreError

log = Log(__name__)

# Labels with which a worker reports timers of the engine: these ends are for good.
_ENDINGS: Final = {"idle": IDLE, "idle_expired": IDLE, "expired": EXPIRED, "lifetime_expired": EXPIRED}


class Tunnels:
    """Handlers of workers' messages about tunnels."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._entitlement = Entitlement(state)

    # --- CONNECT -----------------------------------------------------------------------------------------------------

    async def open(self, message: TunnelOpen, sender: Sender) -> TunnelGrant:
        """Grants a tunnel. Errors: "cookie", "denied", "busy"."""
        session, site = self._find(message)
        policy = self._state.settings.policy(site, session.group, session.grant)
        network = policy.network
        mtu = min(
            network.mtu,
            mtu_rules.data_mtu(message.base_mtu, message.mtu, outside_ipv6=":" in source_of(message.peer.address)),
        )
        ipv4 = message.want_ipv4 and bool(network.ipv4_pool or policy.ipv4 or session.ipv4)
        has_ipv6 = bool(network.ipv6_pool or policy.ipv6 or session.ipv6)
        ipv6 = message.want_ipv6 and has_ipv6 and mtu_rules.carries_ipv6(mtu)
        if not ipv4 and not ipv6:
            self._refuse(message, session, "denied", "family", "This gateway has no address of the kind asked for.")
        first = not session.connected
        self._lease(message, session, policy, ipv4=ipv4, ipv6=ipv6)
        try:
            epoch = self._state.number(self._state.epochs)
        except StoreError as error:
            self._refuse(message, session, "busy", "store", "The gateway is busy. Try again later.", str(error))
        self._take_over(message, sender, session, epoch, mtu)
        await self._prepare(message, session, epoch)
        self._opened(message, session, reconnect=not first)
        return self._grant(session, site, policy, ipv4=ipv4, ipv6=ipv6)

    def _find(self, message: TunnelOpen) -> tuple[Session, Site]:
        cookie = self._state.cookies.hash(message.cookie)
        session = self._state.sessions.by_cookie(cookie) if cookie else None
        if session is None or session.site != message.site:
            self._refuse(message, session, "cookie", "cookie", "Unknown or ended session. Log in again.")
        due = session.due()
        if due and due <= self._state.clock():
            # The timer is about to end it; a reconnect must not come in between.
            self._refuse(message, session, "cookie", "expired", "The session has ended. Log in again.")
        site = self._state.settings.site(session.site)
        if site is None:
            self._refuse(message, session, "denied", "site", "This gateway no longer serves your site.")
        return session, site

    def _lease(self, message: TunnelOpen, session: Session, policy: SessionPolicy, *, ipv4: bool, ipv6: bool) -> None:
        now = self._state.clock()
        pools = self._state.pools
        fresh: list[str] = []

        def give_back() -> None:
            for given in fresh:
                pools.release(getattr(session, given), now)
                setattr(session, given, "")

        for wanted, family in ((ipv4, "ipv4"), (ipv6, "ipv6")):
            if not wanted or getattr(session, family):
                continue
            pool, own = getattr(policy.network, f"{family}_pool"), getattr(policy, family)
            try:
                if own:
                    pools.lease_exactly(own, session.user, now)
                setattr(session, family, own or pools.lease(pool, session.user, now))
            except AddressError as error:
                give_back()
                self._refuse(message, session, "busy", "address", address_taken(own), str(error))
            except PoolFullError as error:
                give_back()
                self._state.refusal("pool.exhausted", reason="pool", pool=pool)
                text = "No address is free at the moment. Try again later."
                self._refuse(message, session, "busy", "pool", text, str(error))
            session.lease_durable = False
            fresh.append(family)

    def _take_over(self, message: TunnelOpen, sender: Sender, session: Session, epoch: int, mtu: int) -> None:
        state = self._state
        session.mtu = mtu
        self._entitlement.take(session)
        session.peer, session.tls = message.peer, message.tls
        session.user_agent, session.hostname = message.user_agent, message.hostname
        replaced = state.sessions.open(session, sender.slot, epoch, state.now())
        state.ledger.touch(("session", session.number))
        if replaced is not None:
            slot, old = replaced
            state.spawn(end_tunnel(state, slot, session.number, old, None), "replace-tunnel")

    async def _prepare(self, message: TunnelOpen, session: Session, epoch: int) -> None:
        """Route first, lease on disk; what happened meanwhile to the session decides."""
        state = self._state
        try:
            await state.routes.set(host_routes(session))
            if not session.lease_durable:
                await state.ledger.kept()
                session.lease_durable = state.ledger.healthy
        except (RoutesUnavailableError, StoreError) as error:
            reason = "store" if isinstance(error, StoreError) else "routes"
            self._lost(session, epoch)
            self._refuse(message, session, "busy", reason, "The gateway is busy. Try again later.", str(error))
        if state.sessions.get(session.number) is not session:
            self._refuse(message, session, "cookie", "ended", "The session has ended. Log in again.")
        if session.epoch != epoch:
            self._refuse(message, session, "busy", "replaced", "A newer connection has replaced this one.")

    def _lost(self, session: Session, epoch: int) -> bool:
        policy = self._entitlement.of_session(session)
        wait = policy.timeouts.reconnect if policy else 0
        lost = self._state.sessions.closed(session, epoch, self._state.now(), wait)
        if lost:
            self._state.ledger.touch(("session", session.number))
        return lost

    def _opened(self, message: TunnelOpen, session: Session, *, reconnect: bool) -> None:
        self._state.note_approval(session, message.tls.approved)
        self._state.accounts.opened(session)
        self._state.ledger.record(
            "tunnel.opened",
            SUCCESS,
            who=session.user,
            where=message.peer.address,
            session=session.number,
            site=session.site,
            group=session.group,
            user_agent=message.user_agent,
            hostname=message.hostname,
            ipv4=session.ipv4,
            ipv6=session.ipv6,
            tls_version=message.tls.version,
            tls_suite=message.tls.suite,
            tls_group=message.tls.group,
            tls_signature=message.tls.signature,
            extended_master_secret=message.tls.extended_master_secret,
            approved=message.tls.approved,
            remarks="; ".join(message.tls.reasons),
            slot=session.slot,
            epoch=session.epoch,
            reconnect=reconnect,
        )

    def _grant(self, session: Session, site: Site, policy: SessionPolicy, *, ipv4: bool, ipv6: bool) -> TunnelGrant:
        network, timeouts = policy.network, policy.timeouts
        notice, session.notice = session.notice, ""
        banner = "\n".join(filter(None, (site.banner.session, notice)))
        left = max(1, session.expires - self._state.now()) if session.expires else 0
        return TunnelGrant(
            session=session.number,
            epoch=session.epoch,
            index=session.place,
            user=session.user,
            group=session.group,
            ipv4=session.ipv4 if ipv4 else "",
            ipv4_netmask="255.255.255.255" if ipv4 else "",
            ipv6=session.ipv6 if ipv6 else "",
            ipv6_prefix=128 if ipv6 else 0,
            mtu=session.mtu,
            dns=network.dns,
            nbns=network.nbns,
            default_domain=network.default_domain,
            split_include=network.split_include,
            split_exclude=network.split_exclude,
            split_dns=network.split_dns,
            routed=(),
            banner=banner,
            dpd=timeouts.dpd,
            keepalive=timeouts.keepalive,
            rekey=timeouts.rekey,
            idle_timeout=timeouts.idle,
            session_timeout=left,
            expires=session.expires,
            reconnect=timeouts.reconnect,
            rates=rates(session),
        )

    def _refuse(
        self, message: TunnelOpen, session: Session | None, code: str, reason: str, text: str, detail: str = ""
    ) -> NoReturn:
        self._state.refusal(
            "tunnel.refused",
            reason=reason,
            who=session.user if session else "",
            where=message.peer.address,
            site=message.site,
            user_agent=message.user_agent,
            detail=detail,
        )
        raise IpcError(code, text)

    def _judged(self, session: Session, tunnel: LiveTunnel) -> DatagramFacts | None:
        return None if tunnel.datagram is None else judged(self._state, session, tunnel.datagram)

    # --- the end of a tunnel -----------------------------------------------------------------------------------------

    async def closed(self, message: TunnelClosed, sender: Sender) -> None:
        """A worker's tunnel has ended; an older one than the current says nothing about the session."""
        session = self._state.sessions.get(message.session)
        # A worker may speak about its own tunnels only.
        if session is None or session.slot != sender.slot or session.epoch != message.epoch:
            return
        ending = USER_LEFT if message.user_left else _ENDINGS.get(message.reason)
        peer = session.peer.address if session.peer else ""
        if self._lost(session, message.epoch):
            self._state.ledger.record(
                "tunnel.closed",
                SUCCESS,
                who=session.user,
                where=peer,
                session=session.number,
                reason=message.reason,
                epoch=message.epoch,
                detail=message.detail,
            )
        if ending is not None:
            end_session(self._state, session, ending)

    # --- workers that come and go ------------------------------------------------------------------------------------

    async def worker_attached(self, slot: int, channel: Channel) -> None:
        """Asks a worker what it carries and brings both sides to one mind."""
        state = self._state
        state.workers[slot] = channel
        unsure = [session for session in state.sessions.on_slot(slot) if not session.confirmed]
        after, heard = 0, set[int]()
        while True:
            try:
                answer = await channel.request(ListTunnels(after))
            except IpcError as error:
                log.warning("tunnels_not_listed", slot=slot, error=str(error))
                return
            for tunnel in answer.tunnels:
                heard.add(tunnel.session)
                self._reconcile(slot, tunnel)
            if not answer.next:
                break
            after = answer.next
        for session in unsure:
            if session.number not in heard and not session.confirmed:
                self._lost(session, session.epoch)

    def _reconcile(self, slot: int, tunnel: LiveTunnel) -> None:
        state, number, epoch = self._state, tunnel.session, tunnel.epoch
        session = state.sessions.get(number)
        if session is None:
            state.spawn(end_tunnel(state, slot, number, epoch, "Your session has ended."), "end-unknown")
        elif session.state == CONNECTED and session.epoch == epoch and session.slot == slot:
            state.accounts.opened(session)
            if not session.confirmed:
                session.confirmed, session.datagram = True, self._judged(session, tunnel)
        elif epoch > session.epoch:
            # What was stored lags behind by at most one flush: the highest epoch is this session's newest tunnel.
            state.sessions.open(session, slot, epoch, state.now())
            session.datagram = self._judged(session, tunnel)
            state.accounts.opened(session)
            state.ledger.touch(("session", number))
            state.spawn(self._set_again(session), "route-adopted")
        else:
            state.spawn(end_tunnel(state, slot, number, epoch, None), "end-stale")

    async def _set_again(self, session: Session) -> None:
        try:
            await self._state.routes.set(host_routes(session))
        except RoutesUnavailableError as error:
            log.warning("route_not_adopted", session=session.number, error=str(error))

    def worker_lost(self, slot: int) -> int:
        """A worker has ended: its clients come back with their cookies and find their addresses. Returns how many."""
        self._state.workers.pop(slot, None)
        sessions = self._state.sessions.on_slot(slot)
        for session in sessions:
            self._lost(session, session.epoch)
        return len(sessions)
