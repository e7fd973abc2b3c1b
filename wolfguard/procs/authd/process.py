# SPDX-License-Identifier: GPL-3.0-or-later
"""authd: speaks to foreign authentication servers for sessiond, and keeps nothing.

Owns the look-up of a backend by its name and what its silence or failure means. A backend here is anything that
answers `FactorStep`s (`auth.foreign`); it is made before the process is confined. What the backends need of the outside
(shared secrets, the way to keyd) comes in here.
"""

from __future__ import annotations

import asyncio
import os
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
from wolfguard.procs.authd.radius import RadiusBackend
from wolfguard.procs.child import Child, Handler, Sender, Started
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

SECRET_MAX: Final = 1024

log = Log(__name__)


class Authd(Child):
    process: ClassVar[str] = "authd"

    def __init__(self) -> None:
        self.backends: Mapping[str, ForeignBackend] = {}
        self._keyd = SignChannel()

    async def prepare(self, start: Started) -> None:
        secrets = [read_secret(descriptor) for descriptor in start.descriptors.get("secret", [])]
        self.backends = {
            entry.name: made
            for entry in start.configuration.backends
            if (made := self._make(entry, secrets)) is not None
        }
        if secrets:
            raise StartError("more shared secrets came than servers have; the supervisor is of another release")

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

    def _make(self, entry: Backend, secrets: list[Secret]) -> ForeignBackend | None:
        """The backend of an entry, if its type lives here; takes the secrets that are its own off the front."""
        if entry.type == "plugin":
            return load(entry)
        if entry.type != "radius" or entry.radius is None:
            return None
        servers = (*entry.radius.servers, *accounting_servers(entry.radius))
        count = len(servers) if entry.radius.transport == UDP else 0
        if len(secrets) < count:
            raise StartError(f"shared secrets are missing for the servers of {entry.name}")
        own = [secrets.pop(0) for _ in range(count)]
        return RadiusBackend(entry, own, self._keyd)

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
