# SPDX-License-Identifier: GPL-3.0-or-later
"""A small assembler for the classic BPF of seccomp: labels in, `struct sock_filter` array out, and a listing.

Owns instruction codes and jump distances. Knows nothing of system calls or profiles.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
GREATER_OR_EQUAL: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

INSTRUCTIONS_MAX: Final = 4096
_JUMP_MAX = 255
_JUMPS = {EQUAL: "jeq", GREATER_OR_EQUAL: "jge", ANY_BIT: "jset"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """As in <linux/filter.h>: code, jump if true, jump if false (both relative), operand."""

    code: int
    true: int
    false: int
    operand: int

    def pack(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.true, self.false, self.operand)

    def text(self, place: int) -> str:
        if self.code in _JUMPS:
            return f"{_JUMPS[self.code]} #{self.operand:#x}, {place + 1 + self.true}, {place + 1 + self.false}"
        name = {LOAD: f"ld [{self.operand}]", AND: f"and #{self.operand:#x}", RETURN: f"ret #{self.operand:#010x}"}
        return name[self.code]


@dataclass(frozen=True, slots=True)
class _Jump:
    code: int
    operand: int
    true: str
    false: str


class Assembler:
    """Collects instructions; a jump names labels, "" meaning the next instruction. Jumps go forward only."""

    def __init__(self) -> None:
        self._items: list[Instruction | _Jump] = []
        self._labels: dict[str, int] = {}
        self._names = 0

    def label(self, hint: str) -> str:
        """A fresh name for a place still to come."""
        self._names += 1
        return f"{hint}.{self._names}"

    def place(self, label: str) -> None:
        self._labels[label] = len(self._items)

    def load(self, offset: int) -> None:
        self._items.append(Instruction(LOAD, 0, 0, offset))

    def mask(self, bits: int) -> None:
        self._items.append(Instruction(AND, 0, 0, bits))

    def give(self, action: int) -> None:
        self._items.append(Instruction(RETURN, 0, 0, action))

    def jump(self, code: int, operand: int, true: str = "", false: str = "") -> None:
        self._items.append(_Jump(code, operand, true, false))

    def assemble(self) -> list[Instruction]:
        """Raises ValueError when a jump is too far or goes backward, or the program is too long."""
        if len(self._items) > INSTRUCTIONS_MAX:
            raise ValueError(f"{len(self._items)} instructions, the kernel takes {INSTRUCTIONS_MAX}")
        return [self._resolve(place, item) for place, item in enumerate(self._items)]

    def _resolve(self, place: int, item: Instruction | _Jump) -> Instruction:
        if isinstance(item, Instruction):
            return item
        return Instruction(item.code, self._distance(place, item.true), self._distance(place, item.false), item.operand)

    def _distance(self, place: int, label: str) -> int:
        if not label:
            return 0
        distance = self._labels[label] - place - 1
        if not 0 <= distance <= _JUMP_MAX:
            raise ValueError(f"jump to {label} over {distance} instructions")
        return distance
