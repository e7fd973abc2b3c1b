# SPDX-License-Identifier: GPL-3.0-or-later
"""authd: speaks to foreign authentication servers for sessiond, and keeps nothing.

Owns the look-up of a backend by its name and what its silence or failure means. A backend here is anything that
answers `FactorStep`s (`auth.foreign`); it is made before the process is confined. What the backends need of the outside
(shared secrets, the way to keyd) comes in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import Mapping
from typing import ClassVar, Final

from wolfguard.auth.foreign import ForeignBackend
from wolfguard.auth.plugin import load
from wolfguard.config.site import UDP, Backend, accounting_servers
from wolfguard.crypto.client import SignChannel
from wolfguard.errors import StartError
from wolfguard.ipc.accounting import SendAccounting
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorCancel, FactorStep
from wolfguard.ipc.messages import Message, Reply
from wolfguard.ipc.orders import OrderSessions, OrdersRefused, SessionsOrdered
from wolfguard.procs.authd.orders import Orders
from wolfguard.procs.authd.radius import RadiusBackend
from wolfguard.procs.child import Channel, Child, Handler, Sender, Started
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

SECRET_MAX: Final = 1024

End = tuple[str, int]
"""Address and port."""

log = Log(__name__)


class Authd(Child):
    process: ClassVar[str] = "authd"

    def __init__(self) -> None:
        self.backends: Mapping[str, ForeignBackend] = {}
        self._keyd = SignChannel()
        self._sessiond: Channel | None = None

    async def prepare(self, start: Started) -> None:
        secrets = [read_secret(descriptor) for descriptor in start.descriptors.get("secret", [])]
        hearing = dict(_socket(descriptor) for descriptor in start.descriptors.get("orders", []))
        self.backends = {
            entry.name: made
            for entry in start.configuration.backends
            if (made := self._make(entry, secrets, hearing)) is not None
        }
        if secrets:
            raise StartError("more shared secrets came than servers have; the supervisor is of another release")
        # A reload has changed where orders are heard; the sockets are those of the gateway's start.
        for unused in hearing.values():
            unused.close()

    async def serve(self) -> None:
        for backend in self.backends.values():
            if isinstance(backend, RadiusBackend):
                backend.start()
        await super().serve()

    async def attached(self, peer: str, slot: int, channel: Channel) -> None:
        if peer == "sessiond":
            self._sessiond = channel

    async def detached(self, peer: str, slot: int) -> None:
        if peer == "sessiond":
            self._sessiond = None

    async def attached_raw(self, peer: str, slot: int, index: int, fd: int) -> None:
        if peer == "keyd":
            self._keyd.set(fd)
        else:
            os.close(fd)

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        if peer != "sessiond":
            return {}
        return {FactorStep: self._step, FactorCancel: self._cancel, SendAccounting: self._account}

    async def stop(self, drain: bool) -> None:
        for backend in self.backends.values():
            if isinstance(backend, RadiusBackend):
                backend.close()

    def _make(self, entry: Backend, secrets: list[Secret], hearing: dict[End, socket.socket]) -> ForeignBackend | None:
        """The backend of an entry, if its type lives here; takes the secrets that are its own off the front, and its
        socket."""
        if entry.type == "plugin":
            return load(entry)
        if entry.type != "radius" or entry.radius is None:
            return None
        servers = (*entry.radius.servers, *accounting_servers(entry.radius))
        count = len(servers) if entry.radius.transport == UDP else 0
        if len(secrets) < count:
            raise StartError(f"shared secrets are missing for the servers of {entry.name}")
        own = [secrets.pop(0) for _ in range(count)]
        dynamic = entry.radius.dynamic_authorization
        if dynamic is None:
            return RadiusBackend(entry, own, self._keyd)
        orders = Orders(entry.name, entry.radius.nas_identifier, dynamic.rate, self._order, self._refused)
        if entry.radius.transport != UDP:
            return RadiusBackend(entry, own, self._keyd, orders)
        end = str(ipaddress.ip_address(dynamic.listen)), dynamic.port
        if end not in hearing:
            log.error("radius_orders_unheard", backend=entry.name, address=end[0], port=end[1])
        return RadiusBackend(entry, own, self._keyd, orders, hearing.pop(end, None))

    async def _order(self, order: OrderSessions) -> SessionsOrdered:
        """Raises IpcError."""
        channel = self._sessiond
        if channel is None or channel.closed:
            raise IpcError("away", "sessiond is away")
        done: SessionsOrdered = await channel.request(order)
        return done

    def _refused(self, refused: OrdersRefused) -> None:
        channel = self._sessiond
        if channel is not None and not channel.closed:
            with contextlib.suppress(IpcError):
                channel.notify(refused)

    async def _step(self, message: FactorStep, sender: Sender) -> Reply:
        backend = self.backends.get(message.backend)
        if backend is None:
            return FactorAnswer(UNAVAILABLE, reason="backend")
        try:
            return await backend.step(message)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("backend_failed", backend=message.backend)
            return FactorAnswer(UNAVAILABLE, reason="failed")

    async def _account(self, message: SendAccounting, sender: Sender) -> Reply:
        backend = self.backends.get(message.backend)
        if not isinstance(backend, RadiusBackend):
            raise IpcError("backend", f"{message.backend} is no backend that can be told of sessions.")
        return await backend.account(message.events)

    async def _cancel(self, message: FactorCancel, sender: Sender) -> None:
        for backend in self.backends.values():
            await backend.cancel(message.conversation)


def _socket(descriptor: int) -> tuple[End, socket.socket]:
    """With what it is bound to."""
    made = socket.socket(fileno=descriptor)
    made.setblocking(False)
    address, port, *_ = made.getsockname()
    return (address, port), made


def read_secret(descriptor: int) -> Secret:
    """The first line of a file, without its end; closes the descriptor. Raises StartError."""
    try:
        content = os.pread(descriptor, SECRET_MAX + 1, 0)
    finally:
        os.close(descriptor)
    value = content.removesuffix(b"\n")
    if not value or len(content) > SECRET_MAX or b"\n" in value or b"\0" in value:
        raise StartError(f"a file with a shared secret must hold one line of 1 to {SECRET_MAX - 1} bytes")
    return Secret(value)
