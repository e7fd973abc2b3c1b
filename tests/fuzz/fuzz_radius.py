# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds arbitrary bytes to the RADIUS client: `python -m tests.fuzz.fuzz_radius [libFuzzer options] [corpus folder]`.

What a hostile server, or for datagrams anybody, can send: a stream that is cut into packets, replies that are paired
with requests, attributes that are given a meaning, and requests of the server's own (RFC 5176). With atheris installed
this is a coverage-guided fuzz target. Without it, or given `--seeds`, it runs over its seeds once, changed and cut at
many places, and ends. The first byte of an input says how the rest comes; an exception other than PeerError is a
finding, and so is a promise that does not hold.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from wolfguard.auth.radius import attributes as meaning
from wolfguard.auth.radius import exchange, packet
from wolfguard.auth.radius.line import Line
from wolfguard.auth.radius.packet import Packet
from wolfguard.auth.radius.protection import RADSEC, Historic, Protection, Token
from wolfguard.errors import PeerError
from wolfguard.ipc.factors import ATTRIBUTES
from wolfguard.secret import Secret

SEEDS = Path(__file__).resolve().parent / "seeds" / "radius"
UNKNOWN = Secret(b"what no stranger knows")
STREAM_MAX = packet.LENGTH_MAX
PENDING = 4
WAYS: tuple[Callable[[], Protection], ...] = (Token, lambda: Historic(RADSEC), lambda: Historic(UNKNOWN))


def test_one_input(data: bytes) -> None:
    """The fuzz target."""
    if not data:
        return
    how, rest = data[0], data[1:]
    protection = WAYS[how % len(WAYS)]()
    line: Line[int] = Line(protection, window=5, datagrams=how % len(WAYS) == 2)
    for ticket in range(PENDING):
        code = packet.STATUS_SERVER if ticket == PENDING - 1 else packet.ACCESS_REQUEST
        line.ask(ticket, code, (), bytes(16), 0)
    step = how // len(WAYS) + 1
    buffer = bytearray()
    try:
        for start in range(0, len(rest), step):
            buffer += rest[start : start + step]
            for each in packet.split(buffer):
                assert packet.HEADER <= len(each) <= packet.LENGTH_MAX
                take(line, protection, each)
            assert len(buffer) < STREAM_MAX
    except PeerError as error:
        if error.label != "radius_length":
            raise
    take(line, protection, rest)
    if how % len(WAYS) == 2:
        assert len(line) == PENDING, "a stranger's packet was taken for the server's"


def take(line: Line[int], protection: Protection, data: bytes) -> None:
    """One packet, as a reply and as a request of the server's."""
    before = len(line)
    try:
        answered = line.receive(data)
    except PeerError:
        assert len(line) == before
    else:
        assert len(line) == before - 1
        judge(answered.reply)
    try:
        asked = protection.accept(data)
    except PeerError:
        return
    protection.answer(packet.DISCONNECT_NAK, asked, ())


def judge(reply: Packet) -> None:
    answer = exchange.answer(reply, 0)
    assert answer.state in ("accept", "reject", "ask", "unavailable")
    assert {attribute.name for attribute in answer.attributes} <= set(ATTRIBUTES)
    assert len(answer.groups) <= meaning.NAMES_MAX
    assert len(answer.message) <= meaning.TEXT_MAX


def over_seeds() -> int:
    count = 0
    for path in sorted(SEEDS.iterdir()):
        seed = path.read_bytes()
        for how in range(256):
            test_one_input(bytes([how]) + seed)
            count += 1
        for place in range(0, len(seed), 3):
            for how in range(len(WAYS)):
                test_one_input(bytes([how]) + seed[:place] + seed[place + 1 :])
                test_one_input(bytes([how]) + seed[:place] + bytes([seed[place] ^ 0x21]) + seed[place + 1 :])
                count += 2
    return count


def main() -> None:
    if "--seeds" not in sys.argv:
        try:
            atheris = importlib.import_module("atheris")
        except ImportError:
            pass
        else:
            atheris.instrument_all()
            atheris.Setup(sys.argv, test_one_input)
            atheris.Fuzz()
            return
    print(f"{over_seeds()} inputs, no finding")


if __name__ == "__main__":
    main()
