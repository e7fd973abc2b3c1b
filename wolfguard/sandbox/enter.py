# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-way door: after `enter` a process has what the manifest says and nothing else, or it has ended.

Owns the order (dumpable, capabilities, Landlock, hooks, seccomp last) and the proof: what is returned was read back
from the kernel. Anything that cannot be applied or does not show afterwards raises StartError; there is no weaker mode.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from typing import Final

from wolfguard import _native
from wolfguard.errors import StartError
from wolfguard.sandbox import foreign_crypto, quiet
from wolfguard.sandbox.manifest import Landlock, Process, filter_program
from wolfguard.sandbox.processes import PROCESSES

Facts = tuple[tuple[str, str], ...]

LEARN_VARIABLE: Final = "WOLFGUARD_FILTER"
"""Set to "log" by a launcher that was told to, for a developer who learns what a filter needs; see seccomp/learn."""

# Access rights of Landlock, by the version that brought them (landlock(7)).
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_FS_READ = 1 << 2 | 1 << 3  # READ_FILE, READ_DIR
_FS_WRITE = _FS_READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13 | 1 << 14
# ... WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, REFER, TRUNCATE
_NET_RIGHTS = {4: 1 << 0 | 1 << 1}  # BIND_TCP, CONNECT_TCP
_SCOPES = {6: 1 << 0 | 1 << 1}  # ABSTRACT_UNIX_SOCKET, SIGNAL


def learning() -> bool:
    """Whether this run only logs what the filter would kill for."""
    return os.environ.get(LEARN_VARIABLE) == "log"


def enter(process: str, places: Mapping[str, str], *, learn: bool = False) -> Facts:
    """Confines this process as the manifest says; returns (name, value) pairs as read back from the kernel.

    `places` gives the folders behind the manifest's words. Must run while the process has one thread only, since
    Landlock and capabilities bind threads; threads made later inherit everything. Raises StartError.
    """
    rules = PROCESSES.get(process)
    if rules is None:
        raise StartError(f"{process} is not in the manifest")
    try:
        program = filter_program(rules.filter)
        user = pwd.getpwuid(os.geteuid()).pw_name
        _check_crypto()
        quiet.apply()
        _native.set_dumpable(False)
        _native.set_no_new_privs()
        # Opened before everything is shut, read behind the last door: the kernel's word, not ours.
        with open("/proc/thread-self/status", encoding="ascii") as kernel:
            _check_threads(_parse(kernel.read()))
            _native.drop_capabilities(list(rules.capabilities))
            landlock = _restrict(rules.landlock, places) if rules.landlock is not None else "none"
            _native.seccomp_install(program, learn)
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
        ("seccomp", "log" if learn else {"2": "filter"}.get(status["Seccomp"], "none")),
        ("landlock", landlock),
        ("foreign_crypto", "none"),
    )
    _check_status(rules, status)
    return facts


def _restrict(rules: Landlock, places: Mapping[str, str]) -> str:
    abi = _native.landlock_abi()
    if abi == 0:
        raise StartError("this kernel has no Landlock; boot it with landlock among its security modules (lsm=)")
    handled = _up_to(_FS_RIGHTS, abi)
    paths = [(_place(name, places), _FS_READ & handled) for name in rules.read]
    paths += [(_place(name, places), _FS_WRITE & handled) for name in rules.write]
    _native.landlock_restrict(paths, handled, _up_to(_NET_RIGHTS, abi), _up_to(_SCOPES, abi))
    return f"abi {abi}, {len(paths)} folders"


def _up_to(rights: Mapping[int, int], abi: int) -> int:
    return sum(bits for version, bits in rights.items() if version <= abi)


def _place(name: str, places: Mapping[str, str]) -> str:
    path = name if name.startswith("/") else places.get(name, "")
    if not path:
        raise StartError(f"the manifest's Landlock rules name {name}, which is no known folder")
    return path


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
