# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests under way: pairing, sending again, giving up; and servers that come and go."""

from __future__ import annotations

import pytest

from wolfguard.auth.radius import packet
from wolfguard.auth.radius.line import Answered, Line, Silent
from wolfguard.auth.radius.packet import Packet, decode, encode
from wolfguard.auth.radius.protection import Historic, Token
from wolfguard.auth.radius.servers import DEAD_FIRST, DEAD_MAX, FAILURES, Servers
from wolfguard.errors import LocalError, PeerError
from wolfguard.secret import Secret

NONCE = bytes(16)


def token_line(window: float = 5.0) -> Line[str]:
    return Line(Token(), window=window, datagrams=False)


def answer_to(data: bytes, code: int = packet.ACCESS_ACCEPT) -> bytes:
    return encode(Packet(code, 0, decode(data).authenticator, ()))


def test_replies_find_their_requests_in_any_order() -> None:
    line = token_line()
    first = line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    second = line.ask("two", packet.ACCESS_REQUEST, (), NONCE, 0)
    assert line.receive(answer_to(second)).ticket == "two"
    got = line.receive(answer_to(first, packet.ACCESS_REJECT))
    assert isinstance(got, Answered)
    assert (got.ticket, got.reply.code) == ("one", packet.ACCESS_REJECT)
    assert len(line) == 0


def test_a_replayed_reply_finds_nothing() -> None:
    line = token_line()
    data = answer_to(line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0))
    line.receive(data)
    with pytest.raises(PeerError, match="radius_unasked"):
        line.receive(data)


@pytest.mark.parametrize("code", [packet.ACCOUNTING_RESPONSE, packet.ACCESS_REQUEST, packet.DISCONNECT_ACK, 0, 255])
def test_a_reply_of_another_kind_changes_nothing(code: int) -> None:
    line = token_line()
    asked = line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    with pytest.raises(PeerError, match="radius_code"):
        line.receive(answer_to(asked, code))
    assert line.receive(answer_to(asked)).ticket == "one"


def test_a_forged_reply_does_not_end_the_wait_for_the_true_one() -> None:
    protection = Historic(Secret(b"between us"))
    line: Line[str] = Line(protection, window=5, datagrams=True)
    asked = decode(line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0))
    forged = Historic(Secret(b"a guess")).answer(packet.ACCESS_ACCEPT, asked, ())
    with pytest.raises(PeerError, match="radius_forged"):
        line.receive(forged)
    assert line.receive(protection.answer(packet.ACCESS_REJECT, asked, ())).reply.code == packet.ACCESS_REJECT


def test_datagrams_are_sent_again_ever_more_slowly_and_then_given_up() -> None:
    line: Line[str] = Line(Historic(Secret(b"between us")), window=5, datagrams=True)
    data = line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    sent = []
    now = 0.0
    silent: list[Silent[str]] = []
    while not silent:
        due = line.next_tick()
        assert due is not None
        now = due
        again, silent = line.tick(now)
        assert all(each == data for each in again)
        sent += [now] * len(again)
    assert sent == [1.0, 3.0]
    assert (now, silent) == (5.0, [Silent("one")])
    assert line.next_tick() is None


def test_a_stream_sends_nothing_again() -> None:
    line = token_line()
    line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    assert line.tick(4.9) == ([], [])
    assert line.tick(5.0) == ([], [Silent("one")])


def test_a_number_is_not_used_again_while_its_reply_may_come() -> None:
    line: Line[int] = Line(Historic(Secret(b"between us")), window=5, datagrams=True, first=250)
    numbers = [decode(line.ask(each, packet.ACCESS_REQUEST, (), NONCE, 0)).number for each in range(256)]
    assert sorted(numbers) == list(range(256))
    assert numbers[0] == 250
    assert line.full
    with pytest.raises(LocalError):
        line.ask(256, packet.ACCESS_REQUEST, (), NONCE, 0)
    line.forget(3)
    assert line.full
    line.tick(5)
    assert len(line) == 0


def test_the_end_of_a_connection_is_the_end_of_all_that_waits() -> None:
    line = token_line()
    line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    line.ask("two", packet.STATUS_SERVER, (), NONCE, 0)
    assert line.end() == [Silent("one"), Silent("two")]


def test_a_protocol_error_is_told() -> None:
    line = token_line()
    asked = line.ask("one", packet.ACCESS_REQUEST, (), NONCE, 0)
    with pytest.raises(PeerError, match="radius_protocol_error"):
        line.receive(answer_to(asked, packet.PROTOCOL_ERROR))


def test_servers_are_asked_in_their_order_until_one_is_dead() -> None:
    servers = Servers(3)
    assert servers.order(0) == [0, 1, 2]
    assert [servers.failed(0, 0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert servers.order(0) == [1, 2, 0]
    assert servers.order(0, preferred=2) == [2, 1, 0]
    assert servers.failed(1, 0, at_once=True)
    assert servers.order(0) == [2, 0, 1]
    assert servers.answered(0)
    assert not servers.answered(0)
    assert servers.order(0) == [0, 2, 1]


def test_a_dead_server_is_looked_at_again_ever_more_slowly() -> None:
    servers = Servers(1)
    servers.failed(0, 0, at_once=True)
    assert servers.to_probe(DEAD_FIRST - 0.1) == []
    assert servers.next_probe() == DEAD_FIRST
    now = DEAD_FIRST
    waits = []
    for _ in range(10):
        assert servers.to_probe(now) == [0]
        assert servers.to_probe(now) == []
        servers.failed(0, now, at_once=True)
        due = servers.next_probe()
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits[:3] == [10.0, 20.0, 40.0]
    assert waits[-1] == DEAD_MAX
    assert servers.dead(0)
    servers.to_probe(now)
    assert servers.answered(0)
    assert servers.next_probe() is None
