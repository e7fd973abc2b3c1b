# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients want of sessiond, asked in tasks of their own, one a question.

Owns requests, time limits and what their failures mean for the client. Every question ends in exactly one event for
the client's connection, whatever happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from wolfguard.ipc.errors import IpcError, IpcTimeout
from wolfguard.ipc.logins import LoginCancel, LoginStep, Logout
from wolfguard.ipc.tunnels import TunnelGrant, TunnelOpen
from wolfguard.procs.log import Log
from wolfguard.procs.worker import plane, translation
from wolfguard.procs.worker.clients import Client, Clients
from wolfguard.procs.worker.offers import Offers
from wolfguard.procs.worker.sessiond import Sessiond
from wolfguard.protocol.commands import AskLogin, AskLogout, AskTunnel
from wolfguard.protocol.events import Event, LoggedOut, TunnelGranted, Unavailable
from wolfguard.protocol.mtu import carries_ipv6
from wolfguard.protocol.tunnel_head import DatagramOffer

TUNNEL_SECONDS: Final = 20.0
LOGOUT_SECONDS: Final = 10.0
TLS13: Final = "TLS 1.3"

log = Log(__name__)


class Questions:
    """`offers` says who is offered DTLS; `clock` gives Unix seconds."""

    def __init__(self, sessiond: Sessiond, clients: Clients, offers: Offers, clock: Callable[[], float]) -> None:
        self._sessiond = sessiond
        self._clients = clients
        self._offers = offers
        self._clock = clock
        self._logins = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def logins(self) -> int:
        """How many logins wait for sessiond."""
        return self._logins

    def login(self, client: Client, command: AskLogin) -> None:
        self._logins += 1
        self._spawn(client, self._login(client, command), self._login_done)

    def tunnel(self, client: Client, command: AskTunnel) -> None:
        self._spawn(client, self._tunnel(client, command))

    def logout(self, client: Client, command: AskLogout) -> None:
        self._spawn(client, self._logout(command))

    async def stop(self) -> None:
        """Gives up every question."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one question each ------------------------------------------------------------------------------------------

    async def _login(self, client: Client, command: AskLogin) -> Event:
        step = LoginStep(
            flow=command.flow,
            site=client.site.name,
            peer=client.peer,
            tls=client.tls,
            user_agent=command.user_agent,
            group=command.group,
            fields=command.fields,
        )
        try:
            # The whole login has this long; a single step cannot use more.
            answer = await self._sessiond.request(step, timeout=float(client.site.timeouts.login))
        except IpcError as error:
            if isinstance(error, IpcTimeout) and command.flow:
                self._sessiond.notify(LoginCancel(command.flow))
            return translation.login_refusal(error)
        return translation.login(answer)

    async def _tunnel(self, client: Client, command: AskTunnel) -> Event:
        asked = command.request
        question = TunnelOpen(
            cookie=asked.cookie,
            site=client.site.name,
            peer=client.peer,
            tls=client.tls,
            user_agent=asked.agent.text,
            hostname=asked.hostname,
            base_mtu=asked.base_mtu,
            mtu=asked.mtu,
            want_ipv4=asked.want_ipv4,
            want_ipv6=asked.want_ipv6,
        )
        try:
            grant: TunnelGrant = await self._sessiond.request(question, timeout=TUNNEL_SECONDS)
        except IpcError as error:
            return translation.tunnel_refusal(error)
        rekey = translation.spread(grant.rekey, grant.session)
        remaining = translation.remaining(grant.expires, self._clock())
        datagram = self._offers.datagram(client.site, client.peer, wanted=asked.psk_negotiate)
        client.grant = grant
        client.start = plane.tunnel(
            grant,
            ipv6=carries_ipv6(grant.mtu),
            rekey=rekey,
            record_limit=min(client.site.record_limit, client.site.crypto.record_limit),
            remaining=remaining,
            datagram=datagram,
        )
        offer = translation.offer(
            grant,
            base_mtu=asked.base_mtu,
            tls13=client.tls.version == TLS13,
            remaining=remaining,
            rekey=rekey,
            disconnected_timeout=grant.reconnect,
            datagram=DatagramOffer(datagram.app_id, client.peer.local_port) if datagram else None,
        )
        return TunnelGranted(offer)

    async def _logout(self, command: AskLogout) -> Event:
        try:
            await self._sessiond.request(Logout(command.cookie), timeout=LOGOUT_SECONDS)
        except IpcError:
            return Unavailable("unavailable", translation.AWAY_TEXT)
        return LoggedOut()

    # --- tasks ------------------------------------------------------------------------------------------------------

    def _spawn(self, client: Client, work: Coroutine[Any, Any, Event], done: Callable[[], None] | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self._ask(client, work, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, client: Client, work: Coroutine[Any, Any, Event], done: Callable[[], None] | None) -> None:
        try:
            event = await work
        except Exception:
            # A fault of this side must not leave the client waiting.
            log.exception("question_failed", peer=client.peer.address)
            event = Unavailable("unavailable", translation.AWAY_TEXT)
        finally:
            if done is not None:
                done()
        self._clients.answer(client, event)

    def _login_done(self) -> None:
        self._logins -= 1
