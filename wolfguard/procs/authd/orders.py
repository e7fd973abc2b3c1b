# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders of servers about sessions (RFC 5176): from proved packets to sessiond and back, and the socket for datagrams.

Over TLS they come on the connections that we have opened (draft-ietf-radext-reverse-coa), so that nobody is listened
to. Over UDP, which is NOT APPROVED, there is a socket, which the supervisor has bound: whoever writes to it must be one
of the backend's servers by address, must know its secret, and must not repeat what was said. Owns the pace and the
counting of what is refused; what an order says is `auth.radius.dynamic`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from wolfguard.auth.radius import dynamic, packet
from wolfguard.auth.radius.arrivals import Arrivals, Pace
from wolfguard.auth.radius.dynamic import OrderRefusedError
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.auth.radius.protection import Historic
from wolfguard.crypto import digest
from wolfguard.errors import PeerError
from wolfguard.ipc import orders
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.orders import OrderSessions, OrdersRefused, SessionsOrdered
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

UNDER_WAY_MAX: Final = 64
TELL_SECONDS: Final = 1.0
STRANGER: Final = "stranger"
"""In the place of addresses that nobody configured: they can be forged, and there are many."""

log = Log(__name__)
Ask = Callable[[OrderSessions], Awaitable[SessionsOrdered]]


class Orders:
    """Those of one backend. `ask` has sessiond carry one out, `tell` has it record what was refused."""

    def __init__(self, backend: str, nas: str, rate: int, ask: Ask, tell: Callable[[OrdersRefused], None]) -> None:
        self._backend = backend
        self._nas = nas
        self._rate = rate
        self._ask = ask
        self._tell = tell
        self._paces: dict[str, Pace] = {}
        self._under_way = 0
        self._refused: Counter[tuple[str, str]] = Counter()
        self._teller: asyncio.TimerHandle | None = None

    def admit(self, server: str) -> bool:
        """Whether this server may order something now; counted where not."""
        pace = self._paces.setdefault(server, Pace(self._rate))
        if self._under_way < UNDER_WAY_MAX and pace.admit(asyncio.get_running_loop().time()):
            return True
        self.refuse(server, "radius_order_pace")
        return False

    async def obey(self, server: str, request: Packet) -> tuple[int, Attributes]:
        """Code and attributes of the answer to a proved request."""
        self._under_way += 1
        try:
            order = dynamic.read(request, backend=self._backend, server=server, nas=self._nas)
            error = (await self._ask(order)).error
        except OrderRefusedError as refused:
            log.warning("radius_order", server=server, reason=refused.label, attribute=refused.detail)
            self.refuse(server, refused.label)
            error = refused.label
        except IpcError as away:
            self.refuse(server, away.code)
            error = orders.RESOURCES
        finally:
            self._under_way -= 1
        return dynamic.answer(request, error if error in dynamic.ERROR_CAUSES or not error else orders.RESOURCES)

    def refuse(self, server: str, reason: str) -> None:
        """Counts something that never became an order; told once a second, since anybody can cause it."""
        self._refused[server, reason] += 1
        if self._teller is None:
            self._teller = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell_all)

    def close(self) -> None:
        if self._teller is not None:
            self._teller.cancel()
            self._teller = None

    def _tell_all(self) -> None:
        self._teller = None
        refused, self._refused = self._refused, Counter()
        for (server, reason), count in refused.items():
            self._tell(OrdersRefused(self._backend, server, reason, count))


class OrderSocket:
    """Hears datagrams on a bound socket, which passes into its ownership. `secrets` are those of servers, by address;
    `window`: seconds by which their clocks and ours may differ."""

    def __init__(self, sock: socket.socket, secrets: Mapping[str, Secret], window: int, obeyed: Orders) -> None:
        self._socket = sock
        # As the kernel writes an address, which a site file may write in other ways.
        self._ways = {str(ipaddress.ip_address(address)): Historic(secret) for address, secret in secrets.items()}
        self._arrivals = {address: Arrivals(window) for address in self._ways}
        self._orders = obeyed
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        for task in self._tasks:
            task.cancel()
        self._socket.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        # One a turn: answers to logins must not wait behind a flood.
        try:
            data, sender = self._socket.recvfrom(packet.LENGTH_MAX + 1)
        except OSError:
            return
        server = str(sender[0])
        way = self._ways.get(server)
        try:
            if way is None:
                self._orders.refuse(STRANGER, "radius_order_stranger")
                return
            self._hear(server, way, data, sender)
        except PeerError as error:
            self._orders.refuse(server, error.label)

    def _hear(self, server: str, way: Historic, data: bytes, sender: tuple[str, int]) -> None:
        request = way.accept(data)
        if request.code not in dynamic.CODES:
            raise PeerError("radius_code", f"code {request.code}")
        # Only now: forged datagrams must not use up the pace of the server whose address they bear.
        if not self._orders.admit(server):
            return
        name = digest.sha256(data)
        answer = self._arrivals[server].enter(name, dynamic.sent_at(request), time.time())
        if answer is not None:
            self._send(answer, sender)
            return
        task = asyncio.create_task(self._obey(server, way, request, name, sender))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, server: str, way: Historic, request: Packet, name: bytes, sender: tuple[str, int]) -> None:
        code, attributes = await self._orders.obey(server, request)
        answer = way.answer(code, request, attributes)
        self._arrivals[server].answered(name, answer)
        self._send(answer, sender)

    def _send(self, answer: bytes, sender: tuple[str, int]) -> None:
        try:
            self._socket.sendto(answer, sender)
        except OSError as error:
            # The server asks again, and gets the same answer.
            log.warning("radius_order_answer", server=sender[0], reason=error.strerror or "")
