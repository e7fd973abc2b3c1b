# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock on kernels of every kind, as their two functions answer: which rights are asked for, what a refusal does."""

from __future__ import annotations

import errno
import os

import pytest

from wolfguard.errors import StartError
from wolfguard.sandbox import landlock, weakening
from wolfguard.sandbox.manifest import Landlock

PORTS = {"radius": (2083, 1812), "other": (1,)}
RULES = Landlock(read=("/etc",), write=("state",))
PLACES = {"state": "/var/lib/x"}
ALLOWED = (weakening.NO_LANDLOCK,)

Call = tuple[list[tuple[str, int]], int, int, int]


class Kernel:
    def __init__(self, version: int, refusal: int = 0) -> None:
        self.version = version
        self.refusal = refusal
        self.calls: list[Call] = []

    def abi(self) -> int:
        return self.version

    def apply(self, paths: list[tuple[str, int]], ports: list[int], fs: int, net: int, scoped: int) -> int:
        self.calls.append((paths, fs, net, scoped))
        self.ports = ports
        if self.refusal:
            raise OSError(self.refusal, os.strerror(self.refusal))
        return self.version

    def restrict(self, *allowed: str, rules: Landlock = RULES) -> str:
        return landlock.restrict(rules, PLACES, allowed, ports=PORTS, abi=self.abi, apply=self.apply)


@pytest.mark.parametrize("allowed", [(), ALLOWED])
def test_what_the_kernel_grants_is_applied(allowed: tuple[str, ...]) -> None:
    kernel = Kernel(6)
    assert kernel.restrict(*allowed) == "abi 6, 2 folders"
    ((paths, fs, net, scoped),) = kernel.calls
    assert [path for path, _ in paths] == ["/etc", "/var/lib/x"]
    assert all(rights and rights & fs == rights for _, rights in paths)
    assert (net, scoped) == (3, 3)


def test_an_old_kernel_is_asked_for_what_it_knows() -> None:
    kernel = Kernel(1)
    assert kernel.restrict() == "abi 1, 2 folders"
    ((paths, fs, net, scoped),) = kernel.calls
    assert (fs, net, scoped) == ((1 << 13) - 1, 0, 0)
    assert all(rights & fs == rights for _, rights in paths)


def test_ports_that_may_be_connected_to() -> None:
    rules = Landlock(read=(), write=(), connect=("radius",))
    kernel = Kernel(6)
    assert kernel.restrict(rules=rules) == "abi 6, 0 folders, connects to 1812, 2083"
    assert kernel.ports == [1812, 2083]
    old = Kernel(3)
    assert old.restrict(rules=rules) == "abi 3, 0 folders"
    assert old.ports == []


@pytest.mark.parametrize("kernel", [Kernel(0), Kernel(6, errno.EPERM), Kernel(6, errno.ENOSYS)])
def test_a_refusal_ends_the_start_unless_it_is_allowed(kernel: Kernel) -> None:
    with pytest.raises(StartError, match=r"lsm=.*container.*confinement: \{allow: \[no-landlock\]\}"):
        kernel.restrict(weakening.UNLOCKED_KEYS)
    assert kernel.restrict(*ALLOWED) == weakening.LANDLOCK_MISSING


def test_what_will_be_refused_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    landlock.require(())
    monkeypatch.setattr(landlock, "available", lambda: False)
    landlock.require(ALLOWED)
    with pytest.raises(StartError, match=r"confinement: \{allow: \[no-landlock\]\}"):
        landlock.require((weakening.UNLOCKED_KEYS,))


def test_another_failure_is_never_allowed() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        Kernel(6, errno.ENOENT).restrict(*ALLOWED)
    with pytest.raises(StartError, match="no known folder"):
        landlock.restrict(RULES, {}, ALLOWED, abi=lambda: 6)


def test_weakenings_in_force_are_told_from_facts() -> None:
    missing = (weakening.LANDLOCK, weakening.LANDLOCK_MISSING)
    unlocked = (weakening.KEY_MEMORY, weakening.KEY_MEMORY_UNLOCKED)
    assert weakening.in_force([unlocked, missing, missing, ("user", "x")]) == weakening.WORDS
    assert weakening.in_force([(weakening.LANDLOCK, "abi 6, 0 folders"), (weakening.KEY_MEMORY, "locked")]) == ()
