# SPDX-License-Identifier: GPL-3.0-or-later
"""authd: speaks to foreign authentication servers for sessiond, and keeps nothing.

Owns the look-up of a backend by its name and what its silence or failure means. A backend here is anything that
answers `FactorStep`s (`auth.foreign`); it is made before the process is confined.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

from wolfguard.auth.foreign import ForeignBackend, Makers
from wolfguard.auth.plugin import load
from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorCancel, FactorStep
from wolfguard.ipc.messages import Message, Reply
from wolfguard.procs.child import Child, Handler, Sender, Started, run
from wolfguard.procs.log import Log

MAKERS: Makers = {"plugin": load}
"""What makes a backend of each type that lives here."""

log = Log(__name__)


class Authd(Child):
    process: ClassVar[str] = "authd"
    backends: Mapping[str, ForeignBackend] = {}

    async def prepare(self, start: Started) -> None:
        self.backends = {
            backend.name: MAKERS[backend.type](backend)
            for backend in start.configuration.backends
            if backend.type in MAKERS
        }

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        return {FactorStep: self._step, FactorCancel: self._cancel} if peer == "sessiond" else {}

    async def _step(self, message: FactorStep, sender: Sender) -> Reply:
        backend = self.backends.get(message.backend)
        if backend is None:
            return FactorAnswer(UNAVAILABLE, reason="backend")
        try:
            return await backend.step(message)
        except Exception:
            log.exception("backend_failed", backend=message.backend)
            return FactorAnswer(UNAVAILABLE, reason="failed")

    async def _cancel(self, message: FactorCancel, sender: Sender) -> None:
        for backend in self.backends.values():
            await backend.cancel(message.conversation)


if __name__ == "__main__":
    sys.exit(run(Authd()))
