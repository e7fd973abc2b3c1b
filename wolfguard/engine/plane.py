# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane of one worker, typed. No method blocks but `stop`; all belong to the thread that made it.

A connection that has ended meanwhile is no error: what is asked of it is forgotten, and its `Closed` is in the queue.
"""

from __future__ import annotations

from collections.abc import Sequence

from wolfguard._native import Engine
from wolfguard.engine.events import Event, typed
from wolfguard.engine.settings import Limits, Rates, TlsSite, Tunnel


class Plane:
    """`tun` and `counters` may be -1. Descriptors stay the caller's; the data plane works on duplicates.

    Raises ValueError for settings that make no sense, OSError where the kernel refuses.
    """

    def __init__(
        self,
        *,
        slot: int,
        tun: int,
        listeners: Sequence[int],
        datagrams: Sequence[int],
        counters: int,
        handshake_threads: int,
        limits: Limits,
    ) -> None:
        self._engine = Engine(
            slot=slot,
            tun=tun,
            listeners=list(listeners),
            datagrams=list(datagrams),
            counters=counters,
            handshake_threads=handshake_threads,
            limits=limits.native(),
        )

    def set_sites(self, sites: Sequence[TlsSite]) -> None:
        """Replaces all sites, or raises ValueError naming what to change and keeps those before. The first is also for
        clients that name none; open connections keep what they have."""
        self._engine.set_sites([site.native() for site in sites])

    def set_sign_channel(self, thread: int, fd: int) -> None:
        """Gives a handshake thread its channel to the key server, and the descriptor away; replaces the one before."""
        self._engine.set_sign_channel(thread, fd)

    def start(self) -> None:
        self._engine.start()

    def stop_accepting(self) -> None:
        self._engine.stop_accepting()

    def stop(self) -> None:
        """Ends all connections and tunnels, without BYE, and joins the threads."""
        self._engine.stop()

    @property
    def eventfd(self) -> int:
        """Readable while `poll` has something to give."""
        return self._engine.eventfd

    def poll(self, limit: int = 256) -> list[Event]:
        return [typed(told) for told in self._engine.poll(limit)]

    def read(self, conn: int) -> None:
        """Grants one `Data`. Without a grant the connection's bytes stay in the kernel."""
        self._engine.read(conn)

    def write(self, conn: int, data: bytes, *, close: bool = False) -> None:
        """Queues bytes, and with `close` the end after them. A peer that leaves more than 512 KiB unread is closed."""
        self._engine.write(conn, data, close)

    def close(self, conn: int) -> None:
        self._engine.close(conn)

    def authenticated(self, conn: int) -> None:
        self._engine.authenticated(conn)

    def start_tunnel(self, conn: int, head: bytes, tunnel: Tunnel) -> None:
        """Sends `head`, the answer to CONNECT, and frames from then on. A tunnel of the same session is replaced."""
        self._engine.start_tunnel(conn, head, tunnel.native())

    def end_tunnel(self, session: int, epoch: int, bye: bytes | None) -> None:
        """Ends a tunnel unless its epoch is newer; with a DISCONNECT frame of this payload unless None."""
        self._engine.end_tunnel(session, epoch, bye)

    def set_rates(self, session: int, epoch: int, rates: Rates) -> None:
        """Changes what a tunnel may carry, unless it is of another epoch."""
        self._engine.set_rates(session, epoch, rates.native())

    def tunnels(self) -> list[tuple[int, int]]:
        """(session, epoch) of those alive."""
        return self._engine.tunnels()

    def counters(self) -> dict[str, int]:
        return self._engine.counters()

    def facts(self) -> dict[str, str]:
        return self._engine.facts()
