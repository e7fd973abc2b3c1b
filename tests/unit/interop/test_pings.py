# SPDX-License-Identifier: GPL-3.0-or-later
"""What ping prints is read right."""

from __future__ import annotations

import pytest

from tests.interop.pings import Answers, read

HEAD = "PING 198.51.100.2 (198.51.100.2) 56(84) bytes of data.\n"
REPLY = "[{}] 64 bytes from 198.51.100.2: icmp_seq=1 ttl=63 time=0.2 ms\n"


def test_answers() -> None:
    replies = "".join(REPLY.format(second) for second in ("100.0", "100.5", "102.0"))
    text = HEAD + replies + "\n4 packets transmitted, 3 received, +2 duplicates, 25% packet loss, time 2000ms\n"
    assert read(text) == Answers(4, 3, 2, 1.5)
    assert read(text).lost == 1


def test_none() -> None:
    assert read(HEAD + "\n2 packets transmitted, 0 received, 100% packet loss, time 1ms\n") == Answers(2, 0, 0, 0.0)


def test_no_summary() -> None:
    with pytest.raises(AssertionError):
        read("ping: unknown host\n")
