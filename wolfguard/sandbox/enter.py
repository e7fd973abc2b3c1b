# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-way door: after `enter` a process has what the manifest says and nothing else, or it has ended.

Owns the order (dumpable, capabilities, Landlock, hooks, seccomp last) and the proof: what is returned was read back
from the kernel. Anything that cannot be applied or does not show afterwards raises StartError; the one exception is
what the site allows by name (`sandbox.weakening`), and then the facts say so.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Collection, Mapping

from wolfguard import _native
from wolfguard.errors import StartError
from wolfguard.sandbox import filters, foreign_crypto, landlock, quiet, weakening
from wolfguard.sandbox.learn import Watcher
from wolfguard.sandbox.manifest import Process
from wolfguard.sandbox.processes import PROCESSES
from wolfguard.sandbox.weakening import Facts


def enter(
    process: str,
    places: Mapping[str, str],
    *,
    ports: Mapping[str, tuple[int, ...]] = landlock.NO_PORTS,
    allowed: Collection[str] = (),
    watcher: Watcher | None = None,
) -> Facts:
    """Confines this process as the manifest says; returns (name, value) pairs as read back from the kernel.

    `places` and `ports` give the folders and TCP ports behind the manifest's words, `allowed` the weakenings that the
    site allows; `watcher` is there in a learning run alone. Must run while the process has one thread only, since
    Landlock and capabilities bind threads; threads made later inherit everything. Raises StartError.
    """
    rules = _rules(process)
    try:
        program = filters.load(rules.filter)
        user = pwd.getpwuid(os.geteuid()).pw_name
        _check_crypto()
        quiet.apply()
        _native.wipe_freed_memory()
        _native.set_dumpable(False)
        _native.set_no_new_privs()
        # Opened before everything is shut, read behind the last door: the kernel's word, not ours.
        with open("/proc/thread-self/status", encoding="ascii") as kernel:
            _check_threads(_parse(kernel.read()))
            _native.drop_capabilities(list(rules.capabilities))
            restricted = "none"
            if rules.landlock is not None:
                restricted = landlock.restrict(rules.landlock, places, allowed, ports=ports)
            _install(program, watcher)
            kernel.seek(0)
            status = _parse(kernel.read())
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise StartError(f"cannot confine {process}: {error.strerror}{where}; the kernel must allow this") from error
    facts = (
        ("user", user),
        ("capabilities", status["CapEff"]),
        ("bounding", status["CapBnd"]),
        ("no_new_privs", status["NoNewPrivs"]),
        (weakening.SECCOMP, _seccomp(status, watcher)),
        (weakening.LANDLOCK, restricted),
        ("foreign_crypto", "none"),
    )
    _check_status(rules, status)
    return facts


def require(process: str, allowed: Collection[str] = ()) -> None:
    """What can be known before a process has opened or installed anything: that its filter is the manifest's, and that
    the kernel has what confines. Raises StartError."""
    rules = _rules(process)
    filters.load(rules.filter)
    try:
        _native.seccomp_check()
    except OSError as error:
        raise _no_seccomp(error) from error
    if rules.landlock is not None:
        landlock.require(allowed)


def _rules(process: str) -> Process:
    rules = PROCESSES.get(process)
    if rules is None:
        raise StartError(f"{process} is not in the manifest")
    return rules


def _no_seccomp(error: OSError) -> StartError:
    return StartError(
        f"the kernel takes no seccomp filter ({error.strerror}): either it is built without (it needs "
        "CONFIG_SECCOMP_FILTER) or a container's system call filter refuses it (let seccomp through)"
    )


def _install(program: bytes, watcher: Watcher | None) -> None:
    try:
        listener = _native.seccomp_install(program, watcher is not None)
    except OSError as error:
        raise _no_seccomp(error) from error
    if watcher is not None and listener is not None:
        watcher.hand_over(listener)


def _seccomp(status: Mapping[str, str], watcher: Watcher | None) -> str:
    if watcher is not None:
        return weakening.SECCOMP_LEARNING
    return {"2": "filter"}.get(status["Seccomp"], "none")


def _parse(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _check_threads(status: Mapping[str, str]) -> None:
    if status["Threads"] != "1":
        raise StartError(f"{status['Threads']} threads run before the sandbox; start them after it")


def _check_crypto() -> None:
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        foreign = foreign_crypto.mapped(file.read())
    if foreign:
        raise StartError(f"another cryptographic library is mapped: {', '.join(foreign)}")
    late = [name for name in foreign_crypto.BLOCKED if sys.modules.get(name) is not None]
    if late:
        raise StartError(f"{', '.join(late)} was imported before the sandbox")


def _check_status(rules: Process, status: Mapping[str, str]) -> None:
    kept = sum(1 << capability for capability in rules.capabilities)
    for name in ("CapEff", "CapPrm"):
        if int(status[name], 16) != kept:
            raise StartError(f"{name} is {status[name]} in {rules.name}, not {kept:016x}")
    for name in ("CapInh", "CapAmb"):
        if int(status[name], 16) != 0:
            raise StartError(f"{name} is {status[name]} in {rules.name}, not empty")
    if int(status["CapBnd"], 16) & ~kept:
        raise StartError(f"CapBnd is {status['CapBnd']} in {rules.name}; start it through its launcher")
    if status["NoNewPrivs"] != "1" or status["Seccomp"] != "2":
        raise StartError(f"the kernel does not show the filter of {rules.name}")
