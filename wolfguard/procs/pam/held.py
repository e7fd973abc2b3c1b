# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers that keep sessions of PAM open as long as sessions of the gateway live.

A session of PAM belongs to the transaction that opened it, since modules keep data there, so its helper stays. It is
told of the end by the end of its socket, which also is what it sees when this process dies; it closes the session, says
CLOSED and ends, or is ended. Owns which helper is for which session; must not know what sessions are.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wolfguard.procs.log import Log
from wolfguard.procs.pam.nursery import Helper, Nursery

CLOSED: Final = b"closed"
"""A helper's last word, after the session was closed in order."""
CLOSE_SECONDS: Final = 10.0
"""For modules that close a session; then their helper is ended."""
NO_SESSION: Final = 0

log = Log(__name__)
Lost = Callable[[int, str], None]
"""Told the number of a session and a label, when its helper has not closed what it held."""


@dataclass(slots=True, eq=False)
class _Holding:
    helper: Helper
    session: int = NO_SESSION
    closing: asyncio.TimerHandle | None = None
    late: bool = False


class Held:
    """At most `most` of them."""

    def __init__(self, nursery: Nursery, most: int, lost: Lost) -> None:
        self._nursery = nursery
        self._most = most
        self._lost = lost
        self._holdings: dict[str, _Holding] = {}
        self._by_session: dict[int, str] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._holdings)

    def __contains__(self, conversation: object) -> bool:
        return conversation in self._holdings

    @property
    def full(self) -> bool:
        return len(self._holdings) >= self._most

    @property
    def sessions(self) -> tuple[int, ...]:
        """Those that have one open."""
        return tuple(sorted(self._by_session))

    def keep(self, conversation: str, helper: Helper) -> None:
        """This helper has opened a session; nobody's yet."""
        self._holdings[conversation] = _Holding(helper)
        asyncio.get_running_loop().add_reader(helper.socket, self._heard, conversation)

    def give(self, conversation: str, session: int) -> None:
        """It is for this session of the gateway."""
        holding = self._holdings.get(conversation)
        if holding is not None and holding.closing is None:
            holding.session = session
            self._by_session[session] = conversation

    def ended(self, session: int) -> None:
        """That session is over."""
        conversation = self._by_session.get(session)
        if conversation is not None:
            self.close(conversation)

    def close(self, conversation: str) -> None:
        """Has the session closed; the helper gets its time for it."""
        holding = self._holdings.get(conversation)
        if holding is None or holding.closing is not None:
            return
        self._by_session.pop(holding.session, None)
        holding.closing = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._too_late, conversation)
        try:
            holding.helper.socket.shutdown(socket.SHUT_WR)
        except OSError:
            # It has ended by now, which its socket tells.
            return

    def close_unclaimed(self) -> None:
        """Those that were given to no session."""
        for conversation, holding in tuple(self._holdings.items()):
            if holding.session == NO_SESSION:
                self.close(conversation)

    def close_all(self) -> None:
        for conversation in tuple(self._holdings):
            self.close(conversation)

    async def gone(self) -> None:
        """Returns when none is left; they have CLOSE_SECONDS, whatever they do."""
        while self._holdings:
            self._changed.clear()
            await self._changed.wait()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _heard(self, conversation: str) -> None:
        holding = self._holdings[conversation]
        try:
            word = holding.helper.socket.recv(len(CLOSED) + 1)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        self._end(conversation, in_order=word == CLOSED and holding.closing is not None)

    def _too_late(self, conversation: str) -> None:
        self._holdings[conversation].late = True
        self._end(conversation, in_order=False)

    def _end(self, conversation: str, *, in_order: bool) -> None:
        holding = self._holdings.pop(conversation)
        asyncio.get_running_loop().remove_reader(holding.helper.socket)
        self._by_session.pop(holding.session, None)
        if holding.closing is not None:
            holding.closing.cancel()
        self._nursery.end(holding.helper)
        self._changed.set()
        if not in_order:
            reason = "timeout" if holding.late else "crashed"
            log.warning("session_not_closed", session=holding.session, reason=reason)
            self._lost(holding.session, reason)
