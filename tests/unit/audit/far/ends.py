# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ends for tests: the real one in a Python of its own, and one that says what a test wants it to say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wolfguard.audit.far.channel import STARTER, Channel, modules
from wolfguard.audit.far.place import FarPlace

PREFIX = "/opt/wolfguard-gateway"
HELLO = """
import json, os, struct, sys, time
o, i = sys.stdout.buffer, sys.stdin.buffer
o.write(b"\\nwolfguard-audit/1\\n"); o.flush()
"""
ANSWER = """
def question():
    h,b=struct.unpack('>II',i.read(8)); return json.loads(i.read(h))
def answer(head,body=b''):
    e=json.dumps(head).encode(); o.write(struct.pack('>II',len(e),len(body))+e+body); o.flush()
"""


@contextmanager
def real(name: str = "gw1", *, at_rest: bool = False) -> Iterator[tuple[FarPlace, Channel]]:
    """As it runs on another machine, but on this one."""
    channel = Channel(name, lambda: ["/usr/bin/env", "-i", "/usr/bin/python3", "-I", "-c", STARTER], modules())
    try:
        yield FarPlace(name, channel, PREFIX, at_rest=at_rest), channel
    finally:
        channel.close()


@contextmanager
def false(script: str, silence: float = 15.0) -> Iterator[FarPlace]:
    """One that runs this script; `question` and `answer` are there."""
    command = [sys.executable, "-I", "-c", HELLO + ANSWER + script]
    channel = Channel("gw1", lambda: command, silence=silence)
    try:
        yield FarPlace("gw1", channel, PREFIX)
    finally:
        channel.close()
