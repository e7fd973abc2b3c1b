# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of PAM that helpers hold open for sessions of ours: told of the end, recorded when they are lost.

Nothing of it is stored: a sessiond that has started anew asks pam what it holds, and has closed what is for no session.
"""

from __future__ import annotations

import contextlib

from wolfguard.ipc.channel import Channel, Sender
from wolfguard.ipc.errors import IpcClosed, IpcError
from wolfguard.ipc.factors import HeldLost, HeldSessions, ListHeld, SessionEnded
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.state import State

log = Log(__name__)


class Held:
    def __init__(self, state: State) -> None:
        self._state = state
        self._channel: Channel | None = None
        state.told_of_ends.append(self._ended)

    def attach(self, channel: Channel) -> None:
        """pam is here, which may have served a sessiond before."""
        self._channel = channel
        self._state.spawn(self._compare(channel), "held")

    def detach(self) -> None:
        """pam has gone, and its helpers close what they hold."""
        self._channel = None
        for entry in self._state.settings.configuration.backends:
            if entry.pam is not None and entry.pam.session:
                self._state.refusal("login.session-lost", reason="away", where="pam", method=entry.name)

    async def lost(self, message: HeldLost, sender: Sender) -> None:
        """A helper has ended before its time."""
        session = self._state.sessions.get(message.session)
        self._state.refusal(
            "login.session-lost",
            reason=message.reason,
            who=session.user if session is not None else "",
            where="pam",
            method=message.backend,
        )

    def _ended(self, number: int) -> None:
        if self._channel is not None and not self._channel.closed:
            with contextlib.suppress(IpcClosed):
                self._channel.notify(SessionEnded((number,)))

    async def _compare(self, channel: Channel) -> None:
        try:
            held: HeldSessions = await channel.request(ListHeld())
        except IpcError as error:
            log.warning("held_unknown", error=str(error))
            return
        over = tuple(number for number in held.sessions if self._state.sessions.get(number) is None)
        if over and not channel.closed:
            channel.notify(SessionEnded(over))
