# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts system calls into a running process by gdb and returns what came of each.

Owns the command line of gdb and the numbers of calls on this machine. Needs root: the process may not be traced by
anybody else.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).with_name("in_debugger.py")
SECONDS: Final = 60
DIED: Final = "died"
SCRATCH: Final = 0x2000_0000_0000
"""Where the debugger makes memory for the bytes of arguments; far from what the kernel gives by itself."""
SCRATCH_BYTES: Final = 1 << 16

Argument = int | bytes
Call = tuple[str, tuple[Argument, ...]]
"""Name of a system call and its arguments; bytes are passed by their address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`error` is the name of an error, empty for success, or `DIED`: the call was the process's last."""

    result: int
    error: str


@functools.cache
def numbers() -> dict[str, int]:
    """Of this machine's system calls, by the compiler's word."""
    command = ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-"]
    said = subprocess.run(command, input="", capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"(?m)^#define __NR_(\w+) (\d+)$", said)}


def known(call: str) -> bool:
    """Whether this machine's kernel has a call of this name; newer architectures lack the oldest ones."""
    return call in numbers()


def inject(pid: int, calls: Sequence[Call]) -> list[Answer]:
    """Makes the calls one after the other, in the first thread, until one of them was the last."""
    order = {
        "pid": pid,
        "scratch": [SCRATCH, SCRATCH_BYTES],
        "calls": [
            {"number": numbers()[name], "arguments": [argument(each) for each in arguments]}
            for name, arguments in calls
        ],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(order, file)
        file.flush()
        command = ["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-x", str(SCRIPT)]
        said = subprocess.run(
            command,
            env={**os.environ, "PAYLOAD_ORDER": file.name},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    answers = [json.loads(line.partition(" ")[2]) for line in said.stdout.splitlines() if line.startswith("answer ")]
    assert answers, f"gdb did not work:\n{said.stdout}\n{said.stderr}"
    return [_answer(each) for each in answers]


def argument(value: Argument) -> int | dict[str, str]:
    """As it stands in the order for the debugger."""
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _answer(said: dict[str, int | str]) -> Answer:
    if "signal" in said:
        return Answer(-1, DIED)
    assert "result" in said, f"the call could not be made: {said}"
    number = int(said["error"])
    return Answer(int(said["result"]), errno.errorcode[number] if number else "")
