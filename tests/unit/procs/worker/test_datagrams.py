# SPDX-License-Identifier: GPL-3.0-or-later
"""What sessiond hears of a tunnel's DTLS, however often a client makes and breaks it."""

from __future__ import annotations

import pytest

from tests.unit.procs.worker.fakes import PEER, SUITES, FakeSessiond
from wolfguard.engine import TunnelDatagram as Happened
from wolfguard.ipc.tunnels import DatagramFacts, TunnelDatagram, WorkerEvent
from wolfguard.procs.worker.datagrams import Datagrams
from wolfguard.procs.worker.reports import Reports
from wolfguard.procs.worker.sessiond import Sessiond

KEY = (7, 3)
FACTS = DatagramFacts("DTLS 1.2", SUITES[0], extended_master_secret=True)
UP = TunnelDatagram(*KEY, "up", SUITES[0], extended_master_secret=True, reason="")


class Scene:
    def __init__(self) -> None:
        self.sessiond, self.reports = FakeSessiond(), Reports()
        way = Sessiond(kept=1)
        way.attach(self.sessiond)
        self.datagrams = Datagrams(way, self.reports)
        self.datagrams.started(KEY, PEER.address)

    def up(self, suite: str = SUITES[0], epoch: int = KEY[1]) -> None:
        self.datagrams.happened(Happened(KEY[0], epoch, "up", suite, True, ""))

    def down(self, reason: str) -> None:
        self.datagrams.happened(Happened(*KEY, "down", SUITES[0], True, reason))

    def refused(self, reason: str) -> None:
        self.datagrams.happened(Happened(*KEY, "refused", "", False, reason))

    def heard(self) -> list[object]:
        told, self.sessiond.told = self.sessiond.told, []
        return list(told)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def down(reason: str) -> TunnelDatagram:
    return TunnelDatagram(*KEY, "down", "", extended_master_secret=False, reason=reason)


def test_up_and_down(scene: Scene) -> None:
    scene.up()
    assert scene.heard() == [UP]
    assert scene.datagrams.facts(KEY) == FACTS
    scene.datagrams.turn()
    scene.down("dpd_timeout")
    assert scene.heard() == [down("dpd_timeout")]
    assert scene.datagrams.facts(KEY) is None


def test_a_new_handshake_that_settles_the_same_is_no_news(scene: Scene) -> None:
    for _ in range(3):
        scene.up()
        scene.datagrams.turn()
    assert scene.heard() == [UP]


def test_a_client_that_makes_and_breaks_is_told_of_once_a_turn(scene: Scene) -> None:
    for _ in range(1000):
        scene.up()
        scene.down("peer_alert")
    assert scene.heard() == [UP]
    scene.datagrams.turn()
    assert scene.heard() == [down("peer_alert")]
    for _ in range(1000):
        scene.up()
        scene.down("peer_alert")
    assert scene.heard() == []
    scene.up(SUITES[1])
    scene.datagrams.turn()
    (last,) = scene.heard()
    assert isinstance(last, TunnelDatagram)
    assert (last.state, last.suite) == ("up", SUITES[1])
    scene.datagrams.turn()
    scene.datagrams.turn()
    assert scene.heard() == []


def test_each_reason_of_a_refusal_is_told_once_and_counted_always(scene: Scene) -> None:
    for reason in ("datagram_no_ems", "datagram_no_suite", "datagram_no_ems"):
        scene.refused(reason)
    reasons = ("datagram_no_ems", "datagram_no_suite")
    assert scene.heard() == [TunnelDatagram(*KEY, "refused", "", False, reason) for reason in reasons]
    assert scene.reports.counters == {"datagram_no_ems": 2, "datagram_no_suite": 1}
    assert scene.reports.take() == tuple(WorkerEvent("refused", PEER.address, reason) for reason in reasons)


def test_a_refusal_leaves_what_is_up(scene: Scene) -> None:
    scene.up()
    scene.refused("datagram_no_suite")
    assert scene.datagrams.facts(KEY) == FACTS


def test_a_tunnel_that_has_ended(scene: Scene) -> None:
    scene.up()
    scene.down("rekey")
    scene.heard()
    scene.datagrams.forget(KEY)
    scene.datagrams.turn()
    scene.up()
    scene.up(epoch=2)
    scene.refused("datagram_no_ems")
    assert scene.heard() == []
    assert scene.datagrams.facts(KEY) is None
