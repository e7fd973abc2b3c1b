# SPDX-License-Identifier: GPL-3.0-or-later
"""authd: will speak to foreign authentication servers, and keeps nothing.

It is confined and serves its channel already, and refuses every login with the code "unsupported", since no backend
that needs it can be configured yet.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

from wolfguard.ipc.messages import LoginCancel, LoginStep, Message, Reply
from wolfguard.procs.child import Child, Handler, IpcError, Sender, run


class Authd(Child):
    process: ClassVar[str] = "authd"

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        return {LoginStep: self._login_step, LoginCancel: self._login_cancel} if peer == "sessiond" else {}

    async def _login_step(self, message: LoginStep, sender: Sender) -> Reply:
        raise IpcError("unsupported", "this release has no foreign authentication servers; use local users")

    async def _login_cancel(self, message: LoginCancel, sender: Sender) -> None:
        """There is no login to cancel."""


if __name__ == "__main__":
    sys.exit(run(Authd()))
