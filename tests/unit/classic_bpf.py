# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a classic BPF program as the kernel would; what it loads from is the caller's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

LOADS: Final = {0x20: 4, 0x28: 2, 0x30: 1}
LOAD_LENGTH, TO_X, RETURN, RETURN_A, JUMP = 0x80, 0x07, 0x06, 0x16, 0x05
JEQ, JGE, JSET = 0x15, 0x35, 0x45
AND, MULTIPLY, SHIFT_RIGHT, XOR_X = 0x54, 0x24, 0x74, 0xAC

JUMPS: Final[dict[int, Callable[[int, int], bool]]] = {
    JEQ: lambda a, k: a == k,
    JGE: lambda a, k: a >= k,
    JSET: lambda a, k: a & k != 0,
}
ARITHMETIC: Final[dict[int, Callable[[int, int], int]]] = {
    AND: lambda a, k: a & k,
    MULTIPLY: lambda a, k: a * k & 0xFFFFFFFF,
    SHIFT_RIGHT: lambda a, k: a >> k,
}


def check(program: bytes) -> list[tuple[int, int, int, int]]:
    """The instructions. Raises AssertionError for what the kernel would not load."""
    instructions: list[tuple[int, int, int, int]] = list(struct.iter_unpack("=HBBI", program))
    assert 0 < len(instructions) <= 4096
    for place, (code, true, false, operand) in enumerate(instructions):
        if code in JUMPS:
            assert place + 1 + max(true, false) < len(instructions)
        elif code == JUMP:
            assert place + 1 + operand < len(instructions)
        elif code == SHIFT_RIGHT:
            assert operand < 32
        else:
            assert code in (LOAD_LENGTH, TO_X, RETURN, RETURN_A, XOR_X, *LOADS, *ARITHMETIC)
    assert instructions[-1][0] in (RETURN, RETURN_A)
    return instructions


def run(program: bytes, load: Callable[[int, int], int | None], length: int = 0) -> int:
    """What the program returns. `load(width, offset)` is None beyond the end, which ends the program with 0."""
    instructions = check(program)
    accumulator = index = place = 0
    while True:
        code, true, false, operand = instructions[place]
        place += 1
        if code in LOADS:
            loaded = load(LOADS[code], operand)
            if loaded is None:
                return 0
            accumulator = loaded
        elif code in JUMPS:
            place += true if JUMPS[code](accumulator, operand) else false
        elif code in ARITHMETIC:
            accumulator = ARITHMETIC[code](accumulator, operand)
        elif code == LOAD_LENGTH:
            accumulator = length
        elif code == TO_X:
            index = accumulator
        elif code == XOR_X:
            accumulator ^= index
        elif code == JUMP:
            place += operand
        else:
            return operand if code == RETURN else accumulator
