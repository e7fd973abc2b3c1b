# SPDX-License-Identifier: GPL-3.0-or-later
"""Every generated filter, interpreted call by call, says what its profile says, on both architectures."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import yaml
from generator.outputs import outputs, profiles
from generator.profile import Condition, Profile, Rule
from generator.program import ALLOW, ARCHITECTURES, ERRNO, KILL_PROCESS, Architecture

from tests.unit.seccomp.interpreter import run

TREE = Path(__file__).resolve().parents[3]
NUMBERS = yaml.safe_load((TREE / "seccomp/syscalls.yml").read_text("utf-8"))
PROFILES = profiles(TREE)
FILES = outputs(TREE)
CASES = [(profile, architecture) for profile in PROFILES.values() for architecture in ARCHITECTURES]

# What PAM modules run under: they execute and fork, and are kept from the kernel's own doors.
EXCEPTION = "nursery"
NEVER = (
    *("mount", "unshare", "setns", "pivot_root", "chroot", "ptrace", "process_vm_readv", "bpf", "perf_event_open"),
    *("init_module", "finit_module", "kexec_load", "io_uring_setup", "userfaultfd", "personality", "seccomp", "keyctl"),
)
NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)

pytestmark = pytest.mark.parametrize(
    ("profile", "architecture"), CASES, ids=[f"{profile.name}-{architecture.name}" for profile, architecture in CASES]
)


def program(profile: Profile, architecture: Architecture) -> bytes:
    return FILES[f"seccomp/generated/{profile.name}.{architecture.name}.bpf"]


def refused(rule: Rule) -> int:
    return ERRNO | rule.error if rule.error else KILL_PROCESS


def fitting(tests: tuple[Condition, ...], pick: int) -> list[int]:
    arguments = [0] * 6
    for test in tests:
        if test.operation != "lacks":
            arguments[test.argument] = test.values[min(pick, len(test.values) - 1)]
    return arguments


def spoilt(test: Condition, value: int) -> int:
    if test.operation == "in":
        return max(test.values) + 1
    return value ^ (test.values[0] & -test.values[0])


def test_calls_are_answered_as_the_profile_says(profile: Profile, architecture: Architecture) -> None:
    code = program(profile, architecture)
    for rule in profile.rules:
        number = NUMBERS[rule.call][architecture.name]
        if number is None:
            continue
        if not rule.alternatives:
            assert run(code, architecture.audit, number) == (refused(rule) if rule.error else ALLOW), rule.call
        for tests in rule.alternatives:
            for pick in range(max(len(test.values) for test in tests)):
                arguments = fitting(tests, pick)
                assert run(code, architecture.audit, number, arguments) == ALLOW, rule.call
                # What lies above 32 bits does not count: the kernel looks at an int.
                above = [argument | 0xDEAD << 32 for argument in arguments]
                assert run(code, architecture.audit, number, above) == ALLOW, rule.call
            for test in tests:
                arguments = fitting(tests, 0)
                arguments[test.argument] = spoilt(test, arguments[test.argument])
                assert run(code, architecture.audit, number, arguments) == refused(rule), rule.call


def test_everything_else_kills(profile: Profile, architecture: Architecture) -> None:
    code = program(profile, architecture)
    named = {NUMBERS[rule.call][architecture.name] for rule in profile.rules}
    for number in set(range(600)) - named:
        assert run(code, architecture.audit, number) == KILL_PROCESS, number
    assert run(code, architecture.audit, 0xFFFFFFFF) == KILL_PROCESS


def test_another_architecture_or_abi_kills(profile: Profile, architecture: Architecture) -> None:
    code = program(profile, architecture)
    read = NUMBERS["read"][architecture.name]
    for audit in (0x40000003, 0xC00000B7, 0xC000003E, 0):
        if audit != architecture.audit:
            assert run(code, audit, read) == KILL_PROCESS
    assert run(code, architecture.audit, read | 0x40000000) == KILL_PROCESS


def test_what_no_confined_process_may_do(profile: Profile, architecture: Architecture) -> None:
    code = program(profile, architecture)
    table = {name: entry[architecture.name] for name, entry in NUMBERS.items()}
    if profile.name == EXCEPTION:
        for call in NEVER:
            assert run(code, architecture.audit, table[call]) == KILL_PROCESS, call
        for flag in NAMESPACES:
            assert run(code, architecture.audit, table["clone"], [flag | 17]) == KILL_PROCESS
        return
    prot_exec = [0, 4096, 4]
    assert run(code, architecture.audit, table["mmap"], prot_exec) == KILL_PROCESS
    assert run(code, architecture.audit, table["mprotect"], prot_exec) == KILL_PROCESS
    # A new process instead of a thread.
    assert run(code, architecture.audit, table["clone"], [17]) == KILL_PROCESS
    assert run(code, architecture.audit, table["clone3"]) == ERRNO | errno.ENOSYS
    assert run(code, architecture.audit, table["execve"]) == KILL_PROCESS
    # TUNSETIFF, which a descriptor that was passed on would permit.
    assert run(code, architecture.audit, table["ioctl"], [3, 0x400454CA]) in (KILL_PROCESS, ERRNO | errno.ENOTTY)
