# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels of this worker, from the moment they are handed to the data plane until it says that they have ended.

Owns what ends mean: which are told to sessiond as what, and what the data plane's timers lead to. A tunnel that was
handed over counts as alive at once, so that sessiond never takes it for lost in between.
"""

from __future__ import annotations

from typing import Final

from wolfguard.engine import Tunnel
from wolfguard.ipc.tunnels import EndTunnel, ListTunnels, LiveTunnel, LiveTunnels, SetRates, TunnelClosed
from wolfguard.procs.worker.datagrams import Datagrams
from wolfguard.procs.worker.plane import DataPlane, rates
from wolfguard.procs.worker.sessiond import Sessiond
from wolfguard.protocol.agent import printable
from wolfguard.protocol.frame import bye_meaning, bye_payload

CLIENT_GONE: Final = "client_gone"
STOPPING_TEXT: Final = "The gateway is being stopped"
DETAIL_MAX: Final = 200

# What the data plane calls a DISCONNECT of the client; its code says what is meant.
_BYE: Final = "bye"
# What the user reads when a timer ends the tunnel; the timer's name is the reason, and sessiond ends the session.
_TIMERS: Final = {
    "idle": "Disconnected because the tunnel was idle",
    "expired": "The time of the session is over; log in again",
}

Key = tuple[int, int]
"""(session, epoch)"""


class Tunnels:
    """`datagrams` hears of their beginnings and ends."""

    def __init__(self, plane: DataPlane, sessiond: Sessiond, datagrams: Datagrams) -> None:
        self._plane = plane
        self._sessiond = sessiond
        self._datagrams = datagrams
        self._connections: dict[int, Key] = {}
        self._handed: dict[Key, int] = {}
        self._reasons: dict[Key, str] = {}

    def __len__(self) -> int:
        return len(self._handed)

    def hand_over(self, conn: int, head: bytes, tunnel: Tunnel, key: Key, address: str) -> None:
        """`address` is the client's."""
        self._connections[conn] = key
        self._handed[key] = conn
        self._datagrams.started(key, address)
        self._plane.authenticated(conn)
        self._plane.start_tunnel(conn, head, tunnel)

    def drop(self, key: Key) -> None:
        """A tunnel was granted, but its client had gone before it could start."""
        self._sessiond.notify(TunnelClosed(session=key[0], epoch=key[1], reason=CLIENT_GONE, user_left=False))

    def connection_closed(self, conn: int) -> bool:
        """Whether this was a connection whose tunnel could no longer start."""
        key = self._connections.pop(conn, None)
        if key is None:
            return False
        self._forget(key)
        self.drop(key)
        return True

    def closed(self, session: int, epoch: int, reason: str, code: int, detail: bytes) -> None:
        """The data plane says that a tunnel has ended."""
        key = (session, epoch)
        ordered = self._reasons.get(key, "")
        bye = bye_meaning(code) if reason == _BYE else None
        self._forget(key)
        self._sessiond.notify(
            TunnelClosed(
                session=session,
                epoch=epoch,
                reason=ordered or (bye.label if bye is not None else reason),
                user_left=not ordered and bye is not None and bye.ends_session,
                detail=printable(detail.decode("latin-1"), DETAIL_MAX),
            )
        )

    def timer(self, session: int, epoch: int, timer: str) -> None:
        """The data plane says that a tunnel's time has come."""
        self._reasons[session, epoch] = timer
        self._plane.end_tunnel(session, epoch, bye_payload(_TIMERS[timer]))

    def end(self, order: EndTunnel) -> None:
        self._plane.end_tunnel(order.session, order.epoch, bye_payload(order.text) if order.bye else None)

    def set_rates(self, order: SetRates) -> None:
        self._plane.set_rates(order.session, order.epoch, rates(order.rates))

    def end_all(self) -> None:
        """With a farewell to each client."""
        for session, epoch in self._alive():
            self._plane.end_tunnel(session, epoch, bye_payload(STOPPING_TEXT))

    def page(self, asked: ListTunnels) -> LiveTunnels:
        alive = sorted(key for key in self._alive() if key[0] > asked.after)
        limit = max(1, asked.limit)
        shown = alive[:limit]
        return LiveTunnels(
            tunnels=tuple(LiveTunnel(*key, self._datagrams.facts(key)) for key in shown),
            next=shown[-1][0] if len(alive) > limit else 0,
        )

    def _alive(self) -> set[Key]:
        return {*self._plane.tunnels(), *self._handed}

    def _forget(self, key: Key) -> None:
        self._reasons.pop(key, None)
        self._datagrams.forget(key)
        conn = self._handed.pop(key, None)
        if conn is not None:
            self._connections.pop(conn, None)
