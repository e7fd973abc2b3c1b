# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds arbitrary bytes to a connection: `python -m tests.fuzz.fuzz_protocol [libFuzzer options] [corpus folder]`.

With atheris installed this is a coverage-guided fuzz target. Without it, or given `--seeds`, it runs over its seeds
once, each whole and cut in two at every place, and ends: so that the target itself never rots. The first byte of an
input says where the rest is cut; an exception other than those that handle() documents is a finding.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from wolfguard.protocol.commands import AskLogin, AskLogout, AskTunnel, Command
from wolfguard.protocol.connection import Connection
from wolfguard.protocol.events import Event, LoggedOut, LoginCompleted, LoginPrompted, Lost, Received, TunnelGranted
from wolfguard.protocol.http import Limits
from wolfguard.protocol.login_page import Field, Form
from wolfguard.protocol.pages import Groups
from wolfguard.protocol.tunnel_head import TunnelOffer
from wolfguard.secret import Secret

SEEDS = Path(__file__).resolve().parents[1] / "vectors" / "openconnect"
FORM = Form("main", "Log in", "", "", (Field("username", "text", "User:"), Field("password", "password", "Word:")))
OFFER = TunnelOffer("10.9.0.5", "255.255.255.255", "fd00::5", 128, 1390, 1500, server_rekeys=True)


def test_one_input(data: bytes) -> None:
    """The fuzz target."""
    if not data:
        return
    cut, stream = data[0], data[1:]
    player = Connection(Groups([("staff", "Staff people")]), Limits())
    step = cut + 1
    for start in range(0, len(stream), step) if cut % 2 else (0,):
        commands = player.handle(Received(stream[start : start + step] if cut % 2 else stream))
        for event in answers(commands):
            player.handle(event)
    player.handle(Lost())


def answers(commands: tuple[Command, ...]) -> list[Event]:
    events: list[Event] = []
    for command in commands:
        match command:
            case AskLogin(fields=()):
                events.append(LoginPrompted("flow", FORM))
            case AskLogin():
                events.append(LoginCompleted("flow", Secret(b"cookie"), ""))
            case AskTunnel():
                events.append(TunnelGranted(OFFER))
            case AskLogout():
                events.append(LoggedOut())
    return events


def over_seeds() -> int:
    count = 0
    for path in sorted(SEEDS.rglob("*.http")):
        seed = path.read_bytes()
        for cut in range(256):
            test_one_input(bytes([cut]) + seed)
            count += 1
        for place in range(0, len(seed), 7):
            test_one_input(b"\x00" + seed[:place] + seed[place + 1 :])
            test_one_input(b"\x00" + seed[:place] + bytes([seed[place] ^ 0x20]) + seed[place + 1 :])
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
