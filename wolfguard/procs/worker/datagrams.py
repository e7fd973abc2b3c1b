# SPDX-License-Identifier: GPL-3.0-or-later
"""DTLS of this worker's tunnels, as the data plane reports it.

Owns what is true of each tunnel now, and how often others hear of it: a client can make and break DTLS at will, so a
change is told at once, further ones of the same tunnel with the next turn, and a refusal once for each of its reasons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wolfguard.engine import TunnelDatagram as Happened
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts, TunnelDatagram
from wolfguard.procs.worker.reports import REFUSED as REFUSED_REPORT
from wolfguard.procs.worker.reports import Reports
from wolfguard.procs.worker.sessiond import Sessiond

UP: Final = "up"
DOWN: Final = "down"
REFUSED: Final = "refused"

Key = tuple[int, int]
"""(session, epoch)"""


@dataclass(slots=True)
class _Tunnel:
    """`told` is what sessiond believes, `reason` why it went down last."""

    address: str
    facts: DatagramFacts | None = None
    told: DatagramFacts | None = None
    reason: str = ""
    refused: set[str] = field(default_factory=set)


class Datagrams:
    """`started` and `forget` follow the life of tunnels; `turn` is called about every second."""

    def __init__(self, sessiond: Sessiond, reports: Reports) -> None:
        self._sessiond = sessiond
        self._reports = reports
        self._tunnels: dict[Key, _Tunnel] = {}
        self._told: set[Key] = set()
        self._late: set[Key] = set()

    def started(self, key: Key, address: str) -> None:
        """A tunnel begins, over TLS alone; `address` is its client's."""
        self._tunnels[key] = _Tunnel(address)

    def forget(self, key: Key) -> None:
        self._tunnels.pop(key, None)

    def facts(self, key: Key) -> DatagramFacts | None:
        """None while the tunnel has no DTLS."""
        tunnel = self._tunnels.get(key)
        return None if tunnel is None else tunnel.facts

    def happened(self, event: Happened) -> None:
        """The data plane reports; what it says of a tunnel that has ended is nobody's."""
        key = (event.session, event.epoch)
        tunnel = self._tunnels.get(key)
        if tunnel is None:
            return
        if event.state == REFUSED:
            self._refused(key, tunnel, event)
            return
        up = event.state == UP
        tunnel.facts = DatagramFacts(DTLS12, event.suite, event.extended_master_secret) if up else None
        tunnel.reason = event.reason
        if key in self._told:
            self._late.add(key)
        else:
            self._told.add(key)
            self._tell(key, tunnel)

    def turn(self) -> None:
        """Tells what had to wait."""
        self._told, late, self._late = self._late, self._late, set()
        for key in late:
            if (tunnel := self._tunnels.get(key)) is not None:
                self._tell(key, tunnel)

    def _tell(self, key: Key, tunnel: _Tunnel) -> None:
        if tunnel.facts == tunnel.told:
            return
        tunnel.told = facts = tunnel.facts
        self._sessiond.notify(
            TunnelDatagram(
                session=key[0],
                epoch=key[1],
                state=DOWN if facts is None else UP,
                suite="" if facts is None else facts.suite,
                extended_master_secret=facts is not None and facts.extended_master_secret,
                reason=tunnel.reason,
            )
        )

    def _refused(self, key: Key, tunnel: _Tunnel, event: Happened) -> None:
        if event.reason in tunnel.refused:
            # Clients try again every minute for as long as they live.
            self._reports.count(event.reason)
            return
        tunnel.refused.add(event.reason)
        self._reports.add(REFUSED_REPORT, tunnel.address, event.reason)
        self._sessiond.notify(TunnelDatagram(*key, REFUSED, event.suite, event.extended_master_secret, event.reason))
