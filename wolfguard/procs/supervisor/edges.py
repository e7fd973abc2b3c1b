# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels between children: made when both ends serve, announced as gone when one has died.

Owns which processes the manifest joins and who yields. The supervisor keeps no end of these channels itself.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from wolfguard.ipc.dispatch_table import EDGES
from wolfguard.linux import labels
from wolfguard.procs.supervisor.supervised import Supervised


@dataclass(frozen=True, slots=True)
class Edge:
    """`count` channels of this kind stand between each pair; when one breaks, `yields` is restarted."""

    first: str
    second: str
    kind: str
    yields: str
    count: int


def edges(handshake_threads: int) -> list[Edge]:
    return [
        Edge(first, second, kind, yields, handshake_threads if per_thread else 1)
        for first, second, kind, yields, per_thread in EDGES
    ]


class Joints:
    """Joins processes along the edges."""

    def __init__(self, joined: Iterable[Edge]) -> None:
        self._edges = list(joined)

    def connect(self, fresh: Supervised, others: Iterable[Supervised]) -> None:
        """Gives a process that has become ready its channels to every serving peer."""
        for other in others:
            if other is not fresh and other.serving:
                for edge in self._between(fresh.process.name, other.process.name):
                    self._join(fresh, other, edge)

    def disconnect(self, dead: Supervised, others: Iterable[Supervised]) -> None:
        """Tells every peer of a process that it has ended, and whether it was told to."""
        for other in others:
            if other is not dead and self._between(dead.process.name, other.process.name):
                other.detach(dead.process.name, dead.slot, dead.told)

    def yielding(self, reporter: str, accused: str) -> str | None:
        """Which of the two is to be restarted when their channel broke; None when no edge joins them."""
        found = self._between(reporter, accused)
        return found[0].yields if found else None

    def _between(self, one: str, other: str) -> list[Edge]:
        return [edge for edge in self._edges if {edge.first, edge.second} == {one, other}]

    @staticmethod
    def _join(one: Supervised, other: Supervised, edge: Edge) -> None:
        slots = [end.slot for end in (one, other) if end.process.per_slot]
        label = labels.channel(edge.first, edge.second, slots[0] if slots else None)
        for index in range(edge.count):
            with labels.sockets(label):
                left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with left, right:
                one.attach(other.process.name, other.slot, edge.kind, index, left)
                other.attach(one.process.name, one.slot, edge.kind, index, right)
