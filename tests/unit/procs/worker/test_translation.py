# SPDX-License-Identifier: GPL-3.0-or-later
"""sessiond's answers in the protocol's shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.procs.worker.fakes import FORM, GRANT
from tests.unit.protocol.playbook import FORM as PROTOCOL_FORM
from wolfguard.errors import LocalError
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.logins import LoginAnswer
from wolfguard.ipc.tunnels import TunnelGrant
from wolfguard.procs.worker import translation
from wolfguard.protocol.events import LoginCompleted, LoginPrompted, LoginRefused, Unavailable
from wolfguard.protocol.tunnel_head import DatagramOffer, TunnelOffer
from wolfguard.secret import Secret

DATAGRAM = DatagramOffer(bytes(32), 443)


def offer(grant: TunnelGrant) -> TunnelOffer:
    return translation.offer(
        grant, base_mtu=1500, tls13=False, remaining=1800, rekey=3600, disconnected_timeout=300, datagram=DATAGRAM
    )


def test_login() -> None:
    cookie = Secret(b"c")
    assert translation.login(LoginAnswer("form", "f", form=FORM)) == LoginPrompted("f", PROTOCOL_FORM)
    assert translation.login(LoginAnswer("done", "f", cookie=cookie, banner="b")) == LoginCompleted("f", cookie, "b")
    assert translation.login(LoginAnswer("refused", "f", reason="Locked")) == LoginRefused("Locked")
    assert translation.login(LoginAnswer("refused", "f")) == LoginRefused(translation.REFUSED_TEXT)


@pytest.mark.parametrize("state", ["form", "done", "else"])
def test_answers_that_lack_something(state: str) -> None:
    with pytest.raises(LocalError):
        translation.login(LoginAnswer(state, "f"))


def test_offer() -> None:
    got = offer(GRANT)
    assert (got.ipv4, got.ipv6, got.ipv6_prefix, got.mtu) == ("10.99.0.5", "fd99::5", 128, 1390)
    assert (got.server_rekeys, got.rekey, got.remaining, got.disconnected_timeout) == (False, 3600, 1800, 300)
    assert got.datagram == DATAGRAM


def test_no_ipv6_where_the_mtu_cannot_carry_it() -> None:
    assert offer(replace(GRANT, mtu=1279)).ipv6 == ""


def test_busy_login_and_all_else() -> None:
    assert translation.login_refusal(IpcError("busy")) == Unavailable("too_busy", translation.AWAY_TEXT)
    assert translation.login_refusal(IpcError("closed")) == Unavailable("unavailable", translation.AWAY_TEXT)


def test_spread_is_between_seven_eighths_and_all() -> None:
    spread = [translation.spread(86400, session) for session in range(1000)]
    assert min(spread) >= 86400 * 7 // 8
    assert max(spread) == 86400
    assert len(set(spread)) == 64
    assert translation.spread(0, 5) == 0


def test_remaining() -> None:
    assert translation.remaining(0, 1000.0) == 0
    assert translation.remaining(1100, 1000.5) == 100
    assert translation.remaining(900, 1000.0) == 1
