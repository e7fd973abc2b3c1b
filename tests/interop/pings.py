# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of pings while something happens to the path, and what came back of it."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wolfguard.linux.namespace import Namespace


@dataclass(frozen=True, slots=True)
class Answers:
    """`repeated` came more than once; `gap` is the longest time between two answers, in seconds."""

    sent: int
    received: int
    repeated: int
    gap: float

    @property
    def lost(self) -> int:
        return self.sent - self.received


class Pings:
    """Runs from start to answers(); sends `count` packets, one every `interval` seconds."""

    def __init__(self, namespace: Namespace, address: str, count: int, interval: float) -> None:
        words = ["ping", "-n", "-D", "-i", str(interval), "-c", str(count), "-W", "1", address]
        self.process = subprocess.Popen(namespace.inside(words), stdout=subprocess.PIPE, text=True)
        self._lines: list[str] = []

    def await_answers(self, count: int) -> None:
        """Until so many lines have come, so that what a test does next happens amid the stream."""
        assert self.process.stdout is not None
        while len(self._lines) < count + 1 and (line := self.process.stdout.readline()):
            self._lines.append(line)

    def answers(self) -> Answers:
        """Waits for the end of the stream."""
        rest, _ = self.process.communicate()
        return read("".join(self._lines) + rest)

    def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            self.process.communicate()


@contextmanager
def pings(namespace: Namespace, address: str, count: int, interval: float = 0.02) -> Iterator[Pings]:
    stream = Pings(namespace, address, count, interval)
    try:
        yield stream
    finally:
        stream.stop()


def read(text: str) -> Answers:
    """What `ping -D` printed."""
    summary = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    assert summary is not None, text
    repeated = re.search(r"\+(\d+) duplicates", text)
    times = [float(found) for found in re.findall(r"(?m)^\[([\d.]+)\].* bytes from ", text)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return Answers(
        int(summary.group(1)), int(summary.group(2)), int(repeated.group(1)) if repeated else 0, max(gaps, default=0.0)
    )
