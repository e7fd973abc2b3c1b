# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock rules of one process: which rights this kernel's version can handle, and which folders keep some.

Owns the rights' numbers and what happens where Landlock cannot be had: the start ends, or, where the site allows it by
name, the process goes on and its facts say so. See landlock(7).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Mapping, Sequence

from wolfguard import _native
from wolfguard.errors import StartError
from wolfguard.sandbox import weakening
from wolfguard.sandbox.manifest import Landlock

Apply = Callable[[list[tuple[str, int]], list[int], int, int, int], int]

# Access rights, by the version that brought them.
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_FS_READ = 1 << 2 | 1 << 3  # READ_FILE, READ_DIR
_FS_WRITE = _FS_READ | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 13 | 1 << 14
# ... WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, REFER, TRUNCATE
_NETWORK_SINCE = 4
_NET_RIGHTS = {_NETWORK_SINCE: 1 << 0 | 1 << 1}  # BIND_TCP, CONNECT_TCP
_SCOPES = {6: 1 << 0 | 1 << 1}  # ABSTRACT_UNIX_SOCKET, SIGNAL

NO_PORTS: Mapping[str, tuple[int, ...]] = {}

# How a filter of system calls answers; EPERM has no other reason once no_new_privs is set.
_REFUSALS = (errno.EPERM, errno.ENOSYS)


def available() -> bool:
    """Whether this machine has Landlock and lets this process use it."""
    return _native.landlock_abi() > 0


def restrict(
    rules: Landlock,
    places: Mapping[str, str],
    allowed: Collection[str],
    *,
    ports: Mapping[str, tuple[int, ...]] = NO_PORTS,
    abi: Callable[[], int] = _native.landlock_abi,
    apply: Apply = _native.landlock_restrict,
) -> str:
    """Restricts this thread and returns what was done, in words for the facts.

    `ports` are the TCP ports behind the words of `rules.connect`, `allowed` the weakenings that the site allows; `abi`
    and `apply` are the kernel's. Raises StartError where Landlock is missing and must not be, OSError for a folder that
    cannot be opened.
    """
    version = abi()
    if version > 0:
        handled = _up_to(_FS_RIGHTS, version)
        paths = _paths(rules.read, _FS_READ & handled, places) + _paths(rules.write, _FS_WRITE & handled, places)
        named = sorted({port for word in rules.connect for port in ports.get(word, ())})
        open_ports = named if version >= _NETWORK_SINCE else []
        try:
            apply(paths, open_ports, handled, _up_to(_NET_RIGHTS, version), _up_to(_SCOPES, version))
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
        else:
            told = f", connects to {', '.join(map(str, open_ports))}" if open_ports else ""
            return f"abi {version}, {len(paths)} folders{told}"
    if weakening.NO_LANDLOCK in allowed:
        return weakening.LANDLOCK_MISSING
    raise _missing()


def require(allowed: Collection[str]) -> None:
    """Raises StartError where it is plain already that `restrict` will."""
    if not available() and weakening.NO_LANDLOCK not in allowed:
        raise _missing()


def _missing() -> StartError:
    return StartError(
        "Landlock is missing: either this kernel has none (boot it with landlock among its security modules, lsm=) "
        "or a container's system call filter refuses it (let landlock_create_ruleset, landlock_add_rule and "
        "landlock_restrict_self through); to do without, set confinement: "
        f"{{allow: [{weakening.NO_LANDLOCK}]}} in the site file"
    )


def _up_to(rights: Mapping[int, int], version: int) -> int:
    return sum(bits for since, bits in rights.items() if since <= version)


def _paths(names: Sequence[str], rights: int, places: Mapping[str, str]) -> list[tuple[str, int]]:
    return [(_place(name, places), rights) for name in names]


def _place(name: str, places: Mapping[str, str]) -> str:
    path = name if name.startswith("/") else places.get(name, "")
    if not path:
        raise StartError(f"the manifest's Landlock rules name {name}, which is no known folder")
    return path
