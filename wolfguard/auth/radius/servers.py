# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several servers is asked: the first that is not known to be dead, in the order of the site file.

Owns fail-over, dead time with back-off, and when a dead server is looked at again (Status-Server, RFC 5997). Must not
know packets or connections: it is told what became of requests. Times are seconds of any steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 3
"""Silences in a row that make a server dead; a connection that cannot be had does so at once."""
DEAD_FIRST: Final = 5.0
DEAD_MAX: Final = 300.0


@dataclass(slots=True)
class _Server:
    failures: int = 0
    dead: bool = False
    until: float = 0.0
    wait: float = DEAD_FIRST
    probing: bool = False


class Servers:
    def __init__(self, count: int) -> None:
        self._servers = [_Server() for _ in range(count)]

    def order(self, now: float, preferred: int | None = None) -> list[int]:
        """Whom to ask, best first: `preferred` (who sent the challenge), the living, and then, since a wrong guess must
        not lock everybody out, the dead, those first whose time is over soonest."""
        living = [place for place, server in enumerate(self._servers) if not server.dead]
        dead = sorted((server.until, place) for place, server in enumerate(self._servers) if server.dead)
        order = [*living, *(place for _, place in dead)]
        if preferred is not None and preferred in order:
            order.remove(preferred)
            order.insert(0, preferred)
        return order

    def answered(self, place: int) -> bool:
        """A true reply came. True: it was dead."""
        was = self._servers[place].dead
        self._servers[place] = _Server()
        return was

    def failed(self, place: int, now: float, *, at_once: bool = False) -> bool:
        """A request got no reply; `at_once`: there is no connection. True: it counts as dead from now on."""
        server = self._servers[place]
        server.probing = False
        server.failures += 1
        if server.dead:
            if now >= server.until:
                server.wait = min(server.wait * 2, DEAD_MAX)
                server.until = now + server.wait
            return False
        if server.failures < FAILURES and not at_once:
            return False
        server.dead = True
        server.until = now + server.wait
        return True

    def dead(self, place: int) -> bool:
        return self._servers[place].dead

    def to_probe(self, now: float) -> list[int]:
        """Dead servers whose time is over; each is given once, until `answered` or `failed` tells what came of it."""
        due = [
            place
            for place, server in enumerate(self._servers)
            if server.dead and not server.probing and now >= server.until
        ]
        for place in due:
            self._servers[place].probing = True
        return due

    def next_probe(self) -> float | None:
        return min((server.until for server in self._servers if server.dead and not server.probing), default=None)
