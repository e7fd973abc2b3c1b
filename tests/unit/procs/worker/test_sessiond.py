# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to sessiond, and its absence."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.procs.worker.fakes import FakeSessiond
from wolfguard.ipc.errors import IpcClosed
from wolfguard.ipc.logins import LoginCancel, Logout
from wolfguard.ipc.messages import Done
from wolfguard.ipc.tunnels import TunnelClosed
from wolfguard.procs.worker.sessiond import Sessiond
from wolfguard.secret import Secret


def closed(session: int) -> TunnelClosed:
    return TunnelClosed(session, 1, "dpd_timeout", user_left=False)


def test_ends_of_tunnels_wait_in_order_and_bounded() -> None:
    sessiond, way = Sessiond(kept=2), FakeSessiond()
    for number in range(3):
        sessiond.notify(closed(number))
    sessiond.notify(LoginCancel("f"))
    sessiond.attach(way)
    assert way.told == [closed(1), closed(2)]


def test_channel_that_ends_while_something_is_said() -> None:
    sessiond, way = Sessiond(kept=2), FakeSessiond()
    sessiond.attach(way)
    way.closed = True
    assert not sessiond.present
    sessiond.notify(closed(1))
    later = FakeSessiond()
    sessiond.attach(later)
    assert later.told == [closed(1)]


def test_question_while_away_fails_at_once() -> None:
    sessiond = Sessiond(kept=1)
    with pytest.raises(IpcClosed):
        asyncio.run(sessiond.request(Logout(Secret(b"c")), 1.0))
    sessiond.attach(FakeSessiond())
    assert asyncio.run(sessiond.request(Logout(Secret(b"c")), 1.0)) == Done()
    sessiond.detach()
    assert not sessiond.present
