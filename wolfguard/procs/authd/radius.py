# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend "radius": each step of a login asked of the first server that answers, and accounting told to one.

What is asked and what replies mean is `auth.radius.exchange` and `auth.radius.accounting`; who answers is `answering`.
Keeps nothing between steps, nor of what sessiond wants told: what no server has confirmed is sessiond's still.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence

from wolfguard.auth.radius import accounting, dictionary, exchange, packet
from wolfguard.auth.radius.packet import Attributes
from wolfguard.auth.radius.protection import Protection
from wolfguard.config.site import TLS, Backend, accounting_servers
from wolfguard.crypto.client import SignChannel
from wolfguard.errors import LocalError, StartError
from wolfguard.ipc.accounting import AccountingSent, NumberedEvent
from wolfguard.ipc.factors import REJECT, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.procs.authd.answering import Answering
from wolfguard.procs.authd.links import Unanswered
from wolfguard.procs.authd.orders import Orders, OrderSocket
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

log = Log(__name__)

_UNFIT = "unfit"
"""What no packet can carry; no other server could be told either."""


class _DoesNotFit(Exception):  # noqa: N818 - a verdict
    """A name or a password that RADIUS cannot carry: nobody there can have it."""


class RadiusBackend:
    """`secrets` are those of the servers for logins and then those for accounting, with transport "udp" alone.
    `orders` hears what servers order, `hearing` is the socket for it with transport "udp", which passes into its
    ownership."""

    def __init__(
        self,
        entry: Backend,
        secrets: Sequence[Secret],
        keyd: SignChannel,
        orders: Orders | None = None,
        hearing: socket.socket | None = None,
    ) -> None:
        if entry.radius is None or entry.radius.crypto is None:
            raise StartError(f"the backend {entry.name} has no servers")
        dictionary.preload()
        self._nas = entry.radius.nas_identifier
        self._timeout = entry.timeout
        count = len(entry.radius.servers)
        told = accounting_servers(entry.radius)
        self._logins = Answering(entry.radius, entry.radius.servers, secrets[:count], keyd, orders)
        self._accounting = Answering(entry.radius, told, secrets[count:], keyd, orders)
        self._orders = orders
        self._over_tls = entry.radius.transport == TLS
        self._hearing: OrderSocket | None = None
        dynamic = entry.radius.dynamic_authorization
        if hearing is not None and orders is not None and dynamic is not None:
            servers = (*told, *entry.radius.servers)
            by_address = dict(
                zip((each.address for each in servers), (*secrets[count:], *secrets[:count]), strict=True)
            )
            self._hearing = OrderSocket(hearing, by_address, dynamic.window, orders)

    def start(self) -> None:
        """Hears orders from now on, if it may."""
        if self._hearing is not None:
            self._hearing.start()
        elif self._orders is not None and self._over_tls:
            self._logins.watch()

    async def step(self, step: FactorStep) -> FactorAnswer:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._step(step)
        except TimeoutError:
            return FactorAnswer(UNAVAILABLE, reason="timeout")
        except Unanswered as error:
            return FactorAnswer(UNAVAILABLE, reason=error.label)
        except _DoesNotFit:
            return FactorAnswer(REJECT, reason="rejected")
        except LocalError as error:
            log.error("radius_request", reason=str(error))
            return FactorAnswer(UNAVAILABLE, reason="failed")

    async def account(self, events: Sequence[NumberedEvent]) -> AccountingSent:
        """Tells each event, all at the same time, and says which of them a server has confirmed."""
        said = await asyncio.gather(*(self._tell(each) for each in events))
        done = tuple(each.number for each, label in zip(events, said, strict=True) if not label)
        unfit = tuple(each.number for each, label in zip(events, said, strict=True) if label == _UNFIT)
        return AccountingSent(done, unfit, next((label for label in said if label and label != _UNFIT), ""))

    async def cancel(self, conversation: str) -> None:
        """A server cannot be told; what it answers finds nobody."""

    def close(self) -> None:
        if self._hearing is not None:
            self._hearing.close()
        if self._orders is not None:
            self._orders.close()
        self._logins.close()
        self._accounting.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _step(self, step: FactorStep) -> FactorAnswer:
        before = exchange.context(step)
        # A challenge belongs to the server that made it: another one would not know its State.
        places = None if before is None else (before.server,)
        reply, place = await self._logins.ask(packet.ACCESS_REQUEST, lambda way: self._request(step, way), places)
        answer = exchange.answer(reply, place)
        if answer.state == UNAVAILABLE:
            log.warning("radius_unusable", server=self._logins.name(place), reason=answer.reason)
        return answer

    def _request(self, step: FactorStep, way: Protection) -> Attributes:
        made = exchange.request(step, nas=self._nas, password_max=way.password_max)
        if made is None:
            raise _DoesNotFit
        return made

    async def _tell(self, numbered: NumberedEvent) -> str:
        """Why it could not be told; empty when it was."""
        event = numbered.event
        try:
            await self._accounting.ask(
                packet.ACCOUNTING_REQUEST, lambda _: accounting.request(event, nas=self._nas, now=time.time())
            )
        except Unanswered as error:
            return error.label
        except (LocalError, ValueError, KeyError) as error:
            log.error("radius_accounting", kind=event.kind, error=type(error).__name__)
            return _UNFIT
        return ""
