# SPDX-License-Identifier: GPL-3.0-or-later
"""The door for backends that live in authd: what a foreign server or a plugin is to the rest of the gateway.

One object serves all logins of its entry in the site file. It sees steps (`ipc.factors`), never a session, a cookie or
another backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from wolfguard.config.site import Backend
from wolfguard.ipc.factors import FactorAnswer, FactorStep


class ForeignBackend(Protocol):
    async def step(self, step: FactorStep) -> FactorAnswer:
        """The verdict on one step. It may take as long as the entry's `timeout`; then it is cancelled. An exception
        means "unavailable"."""

    async def cancel(self, conversation: str) -> None:
        """The client of this conversation (which need not be this backend's) has gone."""


Makers = Mapping[str, Callable[[Backend], ForeignBackend]]
"""What makes a backend from its entry, by type. Called before the process is confined; raises LocalError."""
