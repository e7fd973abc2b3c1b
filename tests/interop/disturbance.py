# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bad network does to datagrams: loses, repeats and delays them, as a seed decides.

Sans-IO: frames in, frames out, in the order in which they leave. Frames that carry no UDP pass untouched, so that a
tunnel's TCP connection stays whole.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

IPV4, IPV6, UDP = b"\x08\x00", b"\x86\xdd", 17


@dataclass(frozen=True, slots=True)
class Weather:
    """`loss`, `repeat` and `delay` are shares of 1; what is delayed leaves after `hold` others; `silent` loses all.
    `lose` are numbers of datagrams, the first after the weather began being 0.
    """

    loss: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    hold: int = 3
    silent: bool = False
    lose: frozenset[int] = frozenset()


CLEAR = Weather()


@dataclass
class Direction:
    """One way through the bad network. `counts` says what was done, for a test to see that anything was."""

    seed: int
    weather: Weather = CLEAR
    counts: Counter[str] = field(default_factory=Counter)
    _held: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin(self.weather)

    def begin(self, weather: Weather) -> None:
        """Changes the weather. Draws begin anew, so that a test meets the same fate whatever ran before it."""
        self.weather = weather
        self._random = random.Random(self.seed)
        self._number = 0

    def passes(self, frame: bytes) -> list[bytes]:
        """The frames that leave now that this one has come."""
        if not is_datagram(frame):
            return [frame]
        draw, number, weather = self._random.random(), self._number, self.weather
        self._number += 1
        self.counts["datagrams"] += 1
        if weather.silent or number in weather.lose or draw < weather.loss:
            self.counts["lost"] += 1
            return self._due()
        draw -= weather.loss
        if draw < weather.delay:
            self.counts["delayed"] += 1
            leaving = self._due()
            self._held.append((weather.hold, frame))
            return leaving
        draw -= weather.delay
        if draw < weather.repeat:
            self.counts["repeated"] += 1
            return [frame, frame, *self._due()]
        return [frame, *self._due()]

    def idle(self) -> list[bytes]:
        """What was held back, when nothing comes that it could wait for."""
        held, self._held = [frame for _, frame in self._held], []
        return held

    def _due(self) -> list[bytes]:
        """Counts one datagram for those held back; returns the ones that have waited enough."""
        self._held = [(left - 1, frame) for left, frame in self._held]
        due = [frame for left, frame in self._held if left <= 0]
        self._held = [(left, frame) for left, frame in self._held if left > 0]
        return due


def is_datagram(frame: bytes) -> bool:
    """Whether an Ethernet frame carries UDP, and no later fragment of it."""
    kind = frame[12:14]
    if kind == IPV4:
        return len(frame) > 23 and frame[23] == UDP and int.from_bytes(frame[20:22], "big") & 0x1FFF == 0
    return kind == IPV6 and len(frame) > 20 and frame[20] == UDP
