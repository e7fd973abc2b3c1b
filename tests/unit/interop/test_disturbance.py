# SPDX-License-Identifier: GPL-3.0-or-later
"""The bad network of the interop tests does to datagrams what it says, the same every time, and nothing to the rest."""

from __future__ import annotations

import pytest

from tests.interop.disturbance import Direction, Weather, is_datagram

ETHERNET = bytes(12)


def ipv4(protocol: int, payload: bytes = b"", fragment: int = 0) -> bytes:
    head = bytes([0x45, 0, 0, 20 + len(payload), 0, 0]) + fragment.to_bytes(2, "big") + bytes([64, protocol, 0, 0])
    return ETHERNET + b"\x08\x00" + head + bytes(8) + payload


def ipv6(following: int, payload: bytes = b"") -> bytes:
    return ETHERNET + b"\x86\xdd" + bytes([0x60, 0, 0, 0, 0, len(payload), following, 64]) + bytes(32) + payload


def datagrams(count: int) -> list[bytes]:
    return [ipv4(17, number.to_bytes(4, "big")) for number in range(count)]


def through(direction: Direction, frames: list[bytes]) -> list[bytes]:
    return [left for frame in frames for left in direction.passes(frame)]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ipv4(17), True),
        (ipv4(6), False),
        (ipv4(17, fragment=0x2000), True),
        (ipv4(17, fragment=0x0010), False),
        (ipv6(17), True),
        (ipv6(6), False),
        (ETHERNET + b"\x08\x06" + bytes(28), False),
        (ETHERNET, False),
        (ETHERNET + b"\x08\x00", False),
        (ETHERNET + b"\x86\xdd", False),
    ],
    ids=["udp4", "tcp4", "first-fragment", "later-fragment", "udp6", "tcp6", "arp", "bare", "short4", "short6"],
)
def test_what_a_datagram_is(frame: bytes, expected: bool) -> None:
    assert is_datagram(frame) is expected


def test_clear_weather() -> None:
    assert through(Direction(1), datagrams(100)) == datagrams(100)


def test_other_frames_pass_in_any_weather() -> None:
    direction = Direction(1, Weather(silent=True))
    assert direction.passes(ipv4(6)) == [ipv4(6)]
    assert direction.passes(ipv4(17)) == []
    assert direction.counts == {"datagrams": 1, "lost": 1}


def test_loss() -> None:
    direction = Direction(1, Weather(loss=0.05))
    left = through(direction, datagrams(10_000))
    assert left == sorted(left)
    assert len(left) == 10_000 - direction.counts["lost"]
    assert 400 < direction.counts["lost"] < 600


def test_repeats() -> None:
    direction = Direction(1, Weather(repeat=0.1))
    left = through(direction, datagrams(1000))
    assert sorted(set(left)) == datagrams(1000)
    assert len(left) == 1000 + direction.counts["repeated"]
    assert direction.counts["repeated"] > 0


def test_delay_is_by_number() -> None:
    direction = Direction(1, Weather(delay=0.1, hold=3))
    sent = datagrams(1000)
    left = through(direction, sent) + direction.idle()
    assert sorted(left) == sent
    assert left != sent
    assert direction.counts["delayed"] > 50
    # one that waits lets a few others by, and no more
    assert max(abs(left.index(each) - number) for number, each in enumerate(sent)) <= 4


def test_idle_lets_go() -> None:
    direction = Direction(1, Weather(delay=1.0))
    frame = datagrams(1)[0]
    assert direction.passes(frame) == []
    assert direction.idle() == [frame]
    assert direction.idle() == []


def test_same_seed_same_fate() -> None:
    weather = Weather(loss=0.2, repeat=0.2, delay=0.2)
    first, second, other = (through(Direction(seed, weather), datagrams(200)) for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_draws_begin_with_the_weather() -> None:
    """A test meets the same fate whatever ran before it."""
    weather = Weather(loss=0.5)
    used, fresh = Direction(1), Direction(1, weather)
    through(used, datagrams(50))
    used.begin(weather)
    assert through(used, datagrams(50)) == through(fresh, datagrams(50))


def test_chosen_losses() -> None:
    direction = Direction(1, Weather(lose=frozenset({0, 2})))
    sent = datagrams(4)
    assert through(direction, sent) == [sent[1], sent[3]]
    direction.begin(direction.weather)
    assert through(direction, sent) == [sent[1], sent[3]]
