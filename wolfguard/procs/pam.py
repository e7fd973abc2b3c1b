# SPDX-License-Identifier: GPL-3.0-or-later
"""pam: will carry one login at a time through PAM modules, in a process that can be killed.

It is confined and serves its channel already, and answers every login with "unavailable", since no PAM
service can be configured yet.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorCancel, FactorStep
from wolfguard.ipc.messages import Message, Reply
from wolfguard.procs.child import Child, Handler, Sender, run


class Pam(Child):
    process: ClassVar[str] = "pam"

    def handlers(self, peer: str) -> Mapping[type[Message], Handler]:
        return {FactorStep: self._step, FactorCancel: self._cancel} if peer == "sessiond" else {}

    async def _step(self, message: FactorStep, sender: Sender) -> Reply:
        return FactorAnswer(UNAVAILABLE, reason="backend")

    async def _cancel(self, message: FactorCancel, sender: Sender) -> None:
        """There is no login to cancel."""


if __name__ == "__main__":
    sys.exit(run(Pam()))
