# SPDX-License-Identifier: GPL-3.0-or-later
"""Several RADIUS servers that stand in for each other: a request goes to the first that answers.

Owns the life of their links and the probing of those that were silent; which is next says `auth.radius.servers`. Logins
and accounting have a group each, with connections of their own: a server that can store nothing must not count as dead
for logins. Must not know what requests mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from wolfguard.auth.radius import exchange, packet
from wolfguard.auth.radius.packet import Packet
from wolfguard.auth.radius.servers import Servers
from wolfguard.config.site import UDP, Radius, RadiusServer, port_of
from wolfguard.crypto.client import ClientSettings, SignChannel
from wolfguard.errors import StartError
from wolfguard.policy.profile import CryptoProfile
from wolfguard.procs.authd.links import RADIUS_1_0, RADIUS_1_1, Build, Link, TlsLink, UdpLink, Unanswered
from wolfguard.procs.authd.orders import Orders
from wolfguard.procs.authd.server_chain import judge
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

log = Log(__name__)

WATCH_SECONDS: Final = 30.0


class Answering:
    """`secrets` are those of the servers, for transport "udp" alone. `orders` hears what servers order, over TLS."""

    def __init__(
        self,
        radius: Radius,
        servers: Sequence[RadiusServer],
        secrets: Sequence[Secret],
        keyd: SignChannel,
        orders: Orders | None = None,
    ) -> None:
        if radius.crypto is None:
            raise StartError("a backend of type radius has no crypto profile; the supervisor is of another release")
        self._nas = radius.nas_identifier
        self._links = [
            _link(radius, radius.crypto, server, secrets[place] if secrets else None, keyd, orders)
            for place, server in enumerate(servers)
        ]
        self._servers = Servers(len(self._links))
        self._probes: set[asyncio.Task[None]] = set()
        self._prober: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def name(self, place: int) -> str:
        """Of a server, for the log."""
        return self._links[place].name

    async def ask(self, code: int, build: Build, places: Iterable[int] | None = None) -> tuple[Packet, int]:
        """The reply and the place of the server that made it. `places`: whom to ask and no one else. Raises Unanswered,
        and LocalError for a request that does not fit into a packet."""
        last = Unanswered("unavailable")
        for place in self._servers.order(self._now()) if places is None else places:
            if place >= len(self._links):
                break
            try:
                reply = await self._links[place].ask(code, build)
            except Unanswered as error:
                last = error
                self._failed(place, error)
                continue
            self._answered(place)
            return reply, place
        raise last

    def watch(self) -> None:
        """Keeps a connection to every server, so that each can order something at any time."""
        self._watcher = asyncio.create_task(self._watch())

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        for probe in self._probes:
            probe.cancel()
        if self._prober is not None:
            self._prober.cancel()
        for link in self._links:
            link.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _answered(self, place: int) -> None:
        if self._servers.answered(place):
            log.info("radius_server_back", server=self._links[place].name)

    def _failed(self, place: int, error: Unanswered) -> None:
        if self._servers.failed(place, self._now(), at_once=error.at_once):
            log.error("radius_server_dead", server=self._links[place].name, reason=error.label)
            self._links[place].close(error.label)
        self._set_prober()

    def _set_prober(self) -> None:
        if self._prober is not None:
            self._prober.cancel()
        due = self._servers.next_probe()
        self._prober = None if due is None else asyncio.get_running_loop().call_at(due, self._probe_due)

    def _probe_due(self) -> None:
        for place in self._servers.to_probe(self._now()):
            probe = asyncio.create_task(self._probe(place))
            self._probes.add(probe)
            probe.add_done_callback(self._probes.discard)
        self._set_prober()

    async def _probe(self, place: int) -> None:
        """Status-Server (RFC 5997): whether a silent server answers again, without anybody's password."""
        try:
            await self._links[place].ask(packet.STATUS_SERVER, lambda _: exchange.status(self._nas))
        except Unanswered as error:
            self._links[place].close(error.label)
            self._failed(place, error)
        else:
            self._answered(place)

    async def _watch(self) -> None:
        while True:
            alive = [place for place in range(len(self._links)) if not self._servers.dead(place)]
            await asyncio.gather(*(self._look(place) for place in alive))
            await asyncio.sleep(WATCH_SECONDS)

    async def _look(self, place: int) -> None:
        """As `_probe`, but one silence says little of a server that answers others."""
        try:
            await self._links[place].ask(packet.STATUS_SERVER, lambda _: exchange.status(self._nas))
        except Unanswered as error:
            self._failed(place, error)
        else:
            self._answered(place)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _link(
    radius: Radius,
    crypto: CryptoProfile,
    server: RadiusServer,
    secret: Secret | None,
    keyd: SignChannel,
    orders: Orders | None,
) -> Link:
    port = port_of(server, radius.transport)
    shown = f"[{server.address}]:{port}" if ":" in server.address else f"{server.address}:{port}"
    if radius.transport == UDP:
        # The configuration refuses this already; what rests on MD5 is refused where it would be used, too.
        if crypto.approved or secret is None:
            raise StartError(f"RADIUS over UDP rests on MD5, which the profile {crypto.name} does not allow")
        return UdpLink(shown, server.address, port, radius.response, secret)
    settings = ClientSettings(
        server_name=server.name,
        authorities=radius.authorities_pem.encode(),
        chain=radius.chain.encode(),
        key=radius.number,
        protocols=(RADIUS_1_1,) if crypto.approved else (RADIUS_1_1, RADIUS_1_0),
        suites=crypto.suites_tls13,
        groups=crypto.groups,
        signatures=crypto.signatures,
        minimum_rsa_bits=crypto.minimum_rsa_bits,
        judge=judge(crypto, radius.authorities_pem.encode()),
    )
    return TlsLink(shown, server.address, port, radius.response, settings, keyd, orders)
