# SPDX-License-Identifier: GPL-3.0-or-later
"""pam: will carry one login at a time through PAM modules, in a process that can be killed.

It is confined and serves its channel already, and refuses every login with the code "unsupported", since no PAM
service can be configured yet.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

from wolfguard.ipc.messages import LoginCancel, LoginStep, Message, Reply
from wolfguard.procs.child import Child, Handler, IpcError, Sender, run


class Pam(Child):
    process: ClassVar[str] = "pam"

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        return {LoginStep: self._login_step, LoginCancel: self._login_cancel} if peer == "sessiond" else {}

    async def _login_step(self, message: LoginStep, sender: Sender) -> Reply:
        raise IpcError("unsupported", "this release asks no PAM modules; use local users")

    async def _login_cancel(self, message: LoginCancel, sender: Sender) -> None:
        """There is no login to cancel."""


if __name__ == "__main__":
    sys.exit(run(Pam()))
