# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside gdb: makes system calls in the process that it attaches to, and says what came of each.

The order is a JSON object in the file that PAYLOAD_ORDER names: `pid`; `scratch`, address and length of memory to make
there; and `calls`, a list of {"number", "arguments"}, where an argument is an integer or {"bytes": hexadecimal}, which
is put into that memory and passed by its address. The answer is one JSON object a line on standard output: {"result",
"error", "began", "ended"} (the clock's seconds), or {"signal"} for the last one. All threads but the first stand still
meanwhile. Imports nothing of the project: gdb has a Python of its own.
"""

import contextlib
import json
import os
import sys
import time

import gdb  # type: ignore[import-untyped]

PROT_READ_WRITE = 3
MAP_PRIVATE_ANONYMOUS_FIXED = 0x32
DEATH_SECONDS = 2.0
SYSCALL = "((long(*)(long,...))syscall)"
MMAP = "((void*(*)(void*,unsigned long,int,int,int,long))mmap)"
ERROR = "*((int*(*)(void))__errno_location)()"
SETTINGS = (
    "pagination off",
    "confirm off",
    "auto-solib-add off",
    "debuginfod enabled off",
    "detach-on-fork on",
    "follow-fork-mode parent",
    # What the process catches itself is none of ours.
    "unwindonsignal on",
)


def say(**answer: object) -> None:
    print("answer " + json.dumps(answer), flush=True)


def leave() -> None:
    """Without gdb's own way of detaching, which stumbles over a process that has just died."""
    sys.stdout.flush()
    os._exit(0)


def dead(pid: int) -> bool:
    """Whether it has ended; its parent may not have looked yet."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return any(line.startswith("State:") and line.split()[1] in "ZX" for line in file)
    except (FileNotFoundError, ProcessLookupError):
        # the second comes of a file that was opened a moment before the process was reaped
        return True


def address_of(data: bytes, place: int) -> int:
    gdb.selected_inferior().write_memory(place, data)
    return place


def make(call: dict[str, object], scratch: int) -> None:
    words, place = [str(call["number"])], scratch
    for argument in call["arguments"]:  # type: ignore[attr-defined]
        if isinstance(argument, dict):
            data = bytes.fromhex(argument["bytes"])
            words.append(f"{address_of(data, place)}ul")
            place += (len(data) + 16) & ~15
        else:
            words.append(f"{argument}l")
    began = time.time()
    result = int(gdb.parse_and_eval(f"{SYSCALL}({', '.join(words)})"))
    ended = time.time()
    error = int(gdb.parse_and_eval(ERROR)) if result == -1 else 0
    say(result=result, error=error, began=began, ended=ended)


def main() -> None:
    with open(os.environ["PAYLOAD_ORDER"], encoding="ascii") as file:
        order = json.load(file)
    for setting in SETTINGS:
        gdb.execute(f"set {setting}")
    gdb.execute(f"attach {order['pid']}", to_string=True)
    gdb.execute("sharedlibrary libc.so", to_string=True)
    gdb.execute("thread 1", to_string=True)
    gdb.execute("set scheduler-locking on")
    scratch, length = order["scratch"]
    gdb.parse_and_eval(f"{MMAP}({scratch}, {length}, {PROT_READ_WRITE}, {MAP_PRIVATE_ANONYMOUS_FIXED}, -1, 0)")
    for call in order["calls"]:
        try:
            make(call, scratch)
        except gdb.error as error:
            # Its death may be a moment ahead of what /proc says.
            end = time.monotonic() + DEATH_SECONDS
            while not dead(order["pid"]) and time.monotonic() < end:
                time.sleep(0.01)
            say(**({"signal": "died"} if dead(order["pid"]) else {"trouble": str(error)}))
            leave()
    # It may have been ended for what it said.
    with contextlib.suppress(gdb.error):
        gdb.execute("detach", to_string=True)
    leave()


main()
