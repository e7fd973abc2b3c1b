# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a classic BPF program on one `struct seccomp_data`, as the kernel would."""

from __future__ import annotations

import struct
from collections.abc import Sequence

LOAD, AND, JEQ, JGE, JSET, RET = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06


def run(program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()) -> int:
    """The action that the program returns. Raises AssertionError for what the kernel would not load."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<iIQ6Q", number if number < 2**31 else number - 2**32, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    assert 0 < len(instructions) <= 4096
    accumulator = 0
    place = 0
    while True:
        code, true, false, operand = instructions[place]
        place += 1
        if code == RET:
            return int(operand)
        if code == LOAD:
            assert operand % 4 == 0
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif code == AND:
            accumulator &= operand
        else:
            taken = {JEQ: accumulator == operand, JGE: accumulator >= operand, JSET: bool(accumulator & operand)}[code]
            place += true if taken else false
