# SPDX-License-Identifier: GPL-3.0-or-later
"""Which orders of servers may pass: their pace, and for datagrams, which anybody can record and send again, their age
and their likes (RFC 5176 sections 2.3 and 6.3).

An order that was carried out is remembered for as long as its Event-Timestamp would let it in, so that it is never
carried out twice; a server that did not hear the answer gets the same bytes once more. Bounded: who is past it waits.
Times are Unix seconds for `Arrivals`, seconds of any steady clock for `Pace`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from wolfguard.errors import PeerError

REMEMBERED_MAX: Final = 8192
BURST_SECONDS: Final = 2


class Pace:
    """`rate` a second, with bursts of two seconds' worth."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._room = float(rate * BURST_SECONDS)
        self._last: float | None = None

    def admit(self, now: float) -> bool:
        if self._last is not None:
            most = float(self._rate * BURST_SECONDS)
            self._room = min(most, self._room + max(0.0, now - self._last) * self._rate)
        self._last = now
        if self._room < 1:
            return False
        self._room -= 1
        return True


class Arrivals:
    """Datagrams of one server. `window`: seconds by which its clock and ours may differ, either way."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._seen: OrderedDict[bytes, tuple[float, bytes | None]] = OrderedDict()

    def enter(self, digest: bytes, sent_at: int | None, now: float) -> bytes | None:
        """None: a new order, to be carried out and then `answered`. Bytes: the answer that was given to it already. Of
        a proved packet, named by its digest. Raises PeerError: it must not be heard."""
        self._forget(now)
        if digest in self._seen:
            _, answer = self._seen[digest]
            if answer is None:
                raise PeerError("radius_order_repeated", "it is being carried out")
            return answer
        if sent_at is None:
            raise PeerError("radius_order_undated", "no Event-Timestamp")
        if abs(now - sent_at) > self._window:
            raise PeerError("radius_order_old", f"by {int(abs(now - sent_at))} s")
        if len(self._seen) >= REMEMBERED_MAX:
            raise PeerError("radius_order_crowd", "too many within the window")
        # What is sent from the future stays acceptable for as much longer.
        self._seen[digest] = (max(now, sent_at) + self._window, None)
        return None

    def answered(self, digest: bytes, answer: bytes) -> None:
        until, _ = self._seen.get(digest, (0.0, None))
        if until:
            self._seen[digest] = (until, answer)

    def _forget(self, now: float) -> None:
        # By the order of arrival; one whose clock is ahead holds up others' forgetting for no longer than the window.
        while self._seen:
            digest, (until, _) = next(iter(self._seen.items()))
            if until >= now:
                return
            del self._seen[digest]
