# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile to a program: architecture first, then the calls by number, and death for everything else.

Owns the layout of the filter. The kernel caches the answer for calls without argument tests, so a plain chain costs
the fast calls nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from generator.bpf import ANY_BIT, EQUAL, GREATER_OR_EQUAL, Assembler, Instruction
from generator.profile import Condition, Profile, Rule

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000

_NUMBER = 0  # offsetof(struct seccomp_data, nr)
_ARCHITECTURE = 4
_ARGUMENTS = 16


@dataclass(frozen=True, slots=True)
class Architecture:
    """`audit` is AUDIT_ARCH_*; numbers from `foreign` on are another ABI under the same architecture (x32)."""

    name: str
    audit: int
    foreign: int = 0


ARCHITECTURES: Final = (
    Architecture("aarch64", 0xC00000B7),
    Architecture("x86_64", 0xC000003E, foreign=0x40000000),
)


def compile_profile(
    profile: Profile, architecture: Architecture, numbers: Mapping[str, int | None]
) -> list[Instruction]:
    """`numbers`: this architecture's, None where it has no such call. Raises ValueError for a name that is missing."""
    unknown = [rule.call for rule in profile.rules if rule.call not in numbers]
    if unknown:
        raise ValueError(f"profile {profile.name}: {unknown[0]} is not in syscalls.yml")
    assembler = Assembler()
    right = assembler.label("architecture")
    assembler.load(_ARCHITECTURE)
    assembler.jump(EQUAL, architecture.audit, true=right)
    assembler.give(KILL_PROCESS)
    assembler.place(right)
    assembler.load(_NUMBER)
    if architecture.foreign:
        native = assembler.label("native")
        assembler.jump(GREATER_OR_EQUAL, architecture.foreign, false=native)
        assembler.give(KILL_PROCESS)
        assembler.place(native)
    known = [(number, rule) for rule in profile.rules if (number := numbers[rule.call]) is not None]
    for number, rule in sorted(known, key=lambda pair: pair[0]):
        other = assembler.label("other")
        assembler.jump(EQUAL, number, false=other)
        _compile_rule(assembler, rule)
        assembler.place(other)
    assembler.give(KILL_PROCESS)
    return assembler.assemble()


def _compile_rule(assembler: Assembler, rule: Rule) -> None:
    refused = ERRNO | rule.error if rule.error else KILL_PROCESS
    if not rule.alternatives:
        assembler.give(refused if rule.error else ALLOW)
        return
    for tests in rule.alternatives:
        failed = assembler.label("failed")
        for test in tests:
            _compile_test(assembler, test, failed)
        assembler.give(ALLOW)
        assembler.place(failed)
    assembler.give(refused)


def _compile_test(assembler: Assembler, test: Condition, failed: str) -> None:
    # Both architectures are little-endian: the lower half of the 64-bit argument comes first.
    assembler.load(_ARGUMENTS + 8 * test.argument)
    if test.operation == "lacks":
        assembler.jump(ANY_BIT, test.values[0], true=failed)
    elif test.operation == "has":
        assembler.mask(test.values[0])
        assembler.jump(EQUAL, test.values[0], false=failed)
    else:
        passed = assembler.label("passed")
        for value in test.values[:-1]:
            assembler.jump(EQUAL, value, true=passed)
        assembler.jump(EQUAL, test.values[-1], false=failed)
        assembler.place(passed)


def listing(profile: Profile, architecture: Architecture, numbers: Mapping[str, int | None]) -> str:
    """The policy in words, then the program, for reviewers."""
    lines = [f"profile {profile.name} on {architecture.name}: what is not named here kills the process", ""]
    for rule in profile.rules:
        if numbers[rule.call] is None:
            continue
        lines.append(f"{rule.call} ({numbers[rule.call]}): {_verdict(rule)}: {rule.reason}")
    lines.append("")
    program = compile_profile(profile, architecture, numbers)
    lines.extend(f"{place:4} {instruction.text(place)}" for place, instruction in enumerate(program))
    return "\n".join(lines) + "\n"


def _verdict(rule: Rule) -> str:
    refused = errno.errorcode[rule.error] if rule.error else "kill"
    if not rule.alternatives:
        return refused if rule.error else "allow"
    alternatives = [" and ".join(_words(test) for test in tests) for tests in rule.alternatives]
    return f"allow if {' or '.join(alternatives)} else {refused}"


def _words(test: Condition) -> str:
    return f"arg{test.argument} {test.operation} {'|'.join(f'{value:#x}' for value in test.values)}"
