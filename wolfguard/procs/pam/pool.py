# SPDX-License-Identifier: GPL-3.0-or-later
"""pam's side of helpers: one a login, some ready beforehand, no more than allowed, each ended in time.

A helper belongs to one conversation from its first step to its end and is never used again, so that nothing of one
login is there in the next. Helpers that wait for a person give way, oldest first, when there are too many.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict, deque
from typing import Final

from wolfguard.errors import PeerError
from wolfguard.ipc import codec
from wolfguard.ipc.factors import ACCEPT, ASK, UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.procs.log import Log
from wolfguard.procs.pam.held import Held
from wolfguard.procs.pam.nursery import Helper, Nursery

WAIT_SECONDS: Final = 900.0
"""How long a helper waits for a person; sessiond's limit is lower and comes first."""

log = Log(__name__)


class Pool:
    """Helpers of one backend: `spare` wait for work, `most` work or wait for a person, `held` keep sessions open where
    there are any. `timeout` of a step, seconds."""

    def __init__(self, nursery: Nursery, *, spare: int, most: int, timeout: float, held: Held | None = None) -> None:
        self._nursery = nursery
        self._spare_wanted = spare
        self._most = most
        self._timeout = timeout
        self.held = held
        self._spare: deque[Helper] = deque()
        self._busy: dict[str, Helper] = {}
        self._waiting: OrderedDict[str, Helper] = OrderedDict()

    def fill(self) -> None:
        """Makes spare helpers up to the number wanted."""
        with contextlib.suppress(OSError):
            while self._nursery.present and len(self._spare) < self._spare_wanted:
                self._spare.append(self._nursery.begin())

    def forget_spare(self) -> None:
        """The nursery has ended, and they with it."""
        while self._spare:
            self._spare.popleft().socket.close()

    @property
    def busy(self) -> int:
        return len(self._busy) + len(self._waiting)

    async def step(self, step: FactorStep) -> FactorAnswer:
        """Has a helper take the step; whatever becomes of the helper, there is an answer."""
        if step.number == 0 and self.held is not None and self.held.full:
            return _unavailable("sessions")
        try:
            helper = self._take(step)
        except OSError:
            return _unavailable("away")
        if helper is None:
            return _unavailable("busy" if step.number == 0 else "forgotten")
        self._busy[step.conversation] = helper
        loop = asyncio.get_running_loop()
        answer: FactorAnswer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                await loop.sock_sendall(helper.socket, codec.encode(step))
                data = await loop.sock_recv(helper.socket, codec.DATAGRAM_LIMIT)
            answer = codec.decode(FactorAnswer, data) if data else _unavailable("crashed")
        except TimeoutError:
            answer = _unavailable("timeout")
        except PeerError as error:
            log.error("helper_broke_rules", label=error.label)
            answer = _unavailable("failed")
        except OSError:
            answer = _unavailable("crashed")
        finally:
            self._busy.pop(step.conversation, None)
            if answer is not None and answer.state == ASK:
                self._keep(step.conversation, helper, loop)
            elif answer is not None and answer.state == ACCEPT and answer.held and self.held is not None:
                self.held.keep(step.conversation, helper)
            else:
                self._nursery.end(helper)
        return answer

    def cancel(self, conversation: str) -> None:
        """Ends the helper of this conversation; a step under way is then answered as crashed, to nobody. A session that
        it holds is closed."""
        if self.held is not None and conversation in self.held:
            self.held.close(conversation)
            return
        helper = self._waiting.pop(conversation, None)
        if helper is not None:
            self._drop(helper)
            return
        helper = self._busy.get(conversation)
        if helper is not None:
            helper.socket.shutdown(socket.SHUT_RDWR)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _take(self, step: FactorStep) -> Helper | None:
        if step.number > 0:
            helper = self._waiting.pop(step.conversation, None)
            if helper is not None and helper.timer is not None:
                helper.timer.cancel()
            return helper
        if step.conversation in self._busy or step.conversation in self._waiting:
            return None
        if self.busy >= self._most and not self._make_room():
            return None
        helper = self._spare.popleft() if self._spare else self._nursery.begin()
        # Its successor is made beside the work, not before it.
        asyncio.get_running_loop().call_soon(self.fill)
        return helper

    def _make_room(self) -> bool:
        if not self._waiting:
            return False
        conversation, helper = self._waiting.popitem(last=False)
        log.warning("helper_gave_way", conversation=conversation)
        self._drop(helper)
        return True

    def _keep(self, conversation: str, helper: Helper, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting[conversation] = helper
        helper.timer = loop.call_later(WAIT_SECONDS, self.cancel, conversation)

    def _drop(self, helper: Helper) -> None:
        if helper.timer is not None:
            helper.timer.cancel()
        self._nursery.end(helper)


def _unavailable(reason: str) -> FactorAnswer:
    return FactorAnswer(UNAVAILABLE, reason=reason)
