# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside gdb: stands at the entries of a library's ciphers in a running process, lets each call go on, and says
what came by.

The order is a JSON object in the file that CIPHERS_ORDER names: `pid`; `records`, the entries of the AEAD by their
addresses, which both take (aes, out, in, size, iv, iv size, tag, tag size, associated data, its size); and `others`,
all else that encrypts. It says "ready", goes on until it gets SIGINT, and then says a line for each call, "call NAME
DATA" with the associated data in hexadecimal, and "ended" when the process has been left as it was found. Imports
nothing of the project: gdb has a Python of its own.
"""

import json
import os

import gdb  # type: ignore[import-untyped]

SETTINGS = ("pagination off", "confirm off", "auto-solib-add off", "debuginfod enabled off")
# Where the ninth argument and the tenth stand at a function's first instruction.
STACK = {"i386:x86-64": ("$rsp", 24), "aarch64": ("$sp", 0)}
WORD = 8
SEEN: list[tuple[str, bytes]] = []


def say(*words: str) -> None:
    print(*words, flush=True)


class Entry(gdb.Breakpoint):  # type: ignore[misc]
    """`tells`: whether the function has the arguments of the AEAD."""

    def __init__(self, name: str, address: int, *, tells: bool) -> None:
        super().__init__(f"*{address:#x}", internal=True)
        self.called = name
        self.tells = tells

    def stop(self) -> bool:
        frame = gdb.newest_frame()
        register, offset = STACK[frame.architecture().name()]
        data = b""
        if self.tells:
            memory = gdb.selected_inferior()
            place = int(frame.read_register(register[1:])) + offset
            words = bytes(memory.read_memory(place, 2 * WORD))
            size = int.from_bytes(words[WORD : WORD + 4], "little")
            data = bytes(memory.read_memory(int.from_bytes(words[:WORD], "little"), size))
        SEEN.append((self.called, data))
        return False


def main() -> None:
    with open(os.environ["CIPHERS_ORDER"], encoding="ascii") as file:
        order = json.load(file)
    for setting in SETTINGS:
        gdb.execute(f"set {setting}")
    gdb.execute(f"attach {order['pid']}", to_string=True)
    gdb.execute("handle all nostop noprint pass", to_string=True)
    gdb.execute("handle SIGINT stop nopass", to_string=True)
    for tells, place in ((True, "records"), (False, "others")):
        for name, address in order[place].items():
            Entry(name, address, tells=tells)
    say("ready")
    gdb.execute("continue", to_string=True)
    gdb.execute("detach", to_string=True)
    for name, data in SEEN:
        say("call", name, data.hex())
    say("ended")


main()
