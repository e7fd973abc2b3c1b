# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend "radius": each step of a login asked of the first server that answers.

Owns the life of its links and the probing of servers that were silent. What is asked and what replies mean is
`auth.radius.exchange`; which server is next `auth.radius.servers`. Keeps nothing between steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wolfguard.auth.radius import dictionary, exchange, packet
from wolfguard.auth.radius.packet import Attributes
from wolfguard.auth.radius.protection import Protection
from wolfguard.auth.radius.servers import Servers
from wolfguard.config.site import UDP, Backend, Radius, RadiusServer, port_of
from wolfguard.crypto.client import ClientSettings, SignChannel
from wolfguard.errors import LocalError, StartError
from wolfguard.ipc.factors import REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.policy.profile import CryptoProfile
from wolfguard.procs.authd.links import RADIUS_1_0, RADIUS_1_1, Link, TlsLink, UdpLink, Unanswered
from wolfguard.procs.authd.server_chain import judge
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

log = Log(__name__)


class _DoesNotFit(Exception):  # noqa: N818 - a verdict
    """A name or a password that RADIUS cannot carry: nobody there can have it."""


class RadiusBackend:
    """`secrets` are those of the servers, for transport "udp" alone."""

    def __init__(self, entry: Backend, secrets: Sequence[Secret], keyd: SignChannel) -> None:
        if entry.radius is None or entry.radius.crypto is None:
            raise StartError(f"the backend {entry.name} has no servers")
        dictionary.preload()
        self._radius = entry.radius
        self._timeout = entry.timeout
        self._links = [
            _link(entry.radius, entry.radius.crypto, server, secrets[place] if secrets else None, keyd)
            for place, server in enumerate(entry.radius.servers)
        ]
        self._servers = Servers(len(self._links))
        self._probes: set[asyncio.Task[None]] = set()
        self._prober: asyncio.TimerHandle | None = None

    async def step(self, step: FactorStep) -> FactorAnswer:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._step(step)
        except TimeoutError:
            return FactorAnswer(UNAVAILABLE, reason="timeout")
        except _DoesNotFit:
            return FactorAnswer(REJECT, reason="rejected")
        except LocalError as error:
            log.error("radius_request", reason=str(error))
            return FactorAnswer(UNAVAILABLE, reason="failed")

    async def cancel(self, conversation: str) -> None:
        """A server cannot be told; what it answers finds nobody."""

    def close(self) -> None:
        for probe in self._probes:
            probe.cancel()
        if self._prober is not None:
            self._prober.cancel()
        for link in self._links:
            link.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _step(self, step: FactorStep) -> FactorAnswer:
        before = exchange.context(step)
        reason = "unavailable"
        # A challenge belongs to the server that made it: another one would not know its State.
        places = [before.server] if before is not None else self._servers.order(self._now())
        for place in places:
            if place >= len(self._links):
                break
            try:
                reply = await self._links[place].ask(packet.ACCESS_REQUEST, lambda way: self._request(step, way))
            except Unanswered as error:
                reason = error.label
                self._failed(place, error)
                continue
            self._answered(place)
            answer = exchange.answer(reply, place)
            if answer.state == UNAVAILABLE:
                log.warning("radius_unusable", server=self._links[place].name, reason=answer.reason)
            return answer
        return FactorAnswer(UNAVAILABLE, reason=reason)

    def _request(self, step: FactorStep, way: Protection) -> Attributes:
        made = exchange.request(step, nas=self._radius.nas_identifier, password_max=way.password_max)
        if made is None:
            raise _DoesNotFit
        return made

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
            await self._links[place].ask(packet.STATUS_SERVER, lambda _: exchange.status(self._radius.nas_identifier))
        except Unanswered as error:
            self._links[place].close(error.label)
            self._failed(place, error)
        else:
            self._answered(place)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _link(
    radius: Radius, crypto: CryptoProfile, server: RadiusServer, secret: Secret | None, keyd: SignChannel
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
    return TlsLink(shown, server.address, port, radius.response, settings, keyd)
