# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attacker tries in the processes that hear no network, as far as it differs from a worker's case."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from typing import Final

from tests.system.payload.attempt import (
    LANDLOCK,
    SUCCESS,
    UNSEEN,
    USER,
    Attempt,
    Of,
    Outcome,
    killed,
    local,
    path,
    refused,
)
from tests.system.payload.attempts import AF_NETLINK, AT_FDCWD, CLONE_NEWNET, TUNSETOWNER
from tests.system.payload.injection import SCRATCH, SCRATCH_BYTES

_LANDLOCK: Final = Outcome(LANDLOCK, ("EACCES",))
_BOTH: Final = Outcome(f"{LANDLOCK}, {USER}", ("EACCES",))
_NO_FAMILY: Final = refused("EAFNOSUPPORT")

_EXECUTE = Attempt("execve", "run a program", "execve", (path("/bin/sh"), 0, 0), killed(), UNSEEN)
_CODE = Attempt("mprotect executable", "data become code", "mprotect", (SCRATCH, SCRATCH_BYTES, 7), killed(), UNSEEN)
_READ = (AT_FDCWD, path("/etc/passwd"), os.O_RDONLY, 0)
_ABSENT = Attempt("openat passwd", "read what everybody may read", "openat", _READ, refused("ENOENT"), UNSEEN)
_INTERNET = (socket.AF_INET, socket.SOCK_STREAM, 0)

OTHERS: Final[Mapping[str, tuple[Attempt, ...]]] = {
    "keyd": (
        _ABSENT,
        Attempt("open key", "read the key of another site", "openat", (AT_FDCWD, Of("key"), os.O_RDONLY, 0),
                refused("ENOENT"), UNSEEN),
        Attempt("socket inet", "send the keys away", "socket", _INTERNET, killed(), UNSEEN),
        Attempt("pwrite64", "write a key into the log", "pwrite64", (1, b"x", 1, 0), killed(), UNSEEN),
        _CODE,
    ),
    "sessiond": (
        Attempt("openat passwd", "read what everybody may read", "openat", _READ, _LANDLOCK, UNSEEN),
        Attempt("open key", "read a private key", "openat", (AT_FDCWD, Of("key"), os.O_RDONLY, 0),
                _BOTH, UNSEEN),
        Attempt("open memory", "write its own memory past all protection", "openat",
                (AT_FDCWD, path("/proc/self/mem"), os.O_RDWR, 0), _LANDLOCK, UNSEEN),
        Attempt("unlink", "remove a file of others", "unlink", (path("/etc/passwd"),), _BOTH, UNSEEN),
        Attempt("make file", "a file outside of its folders", "openat",
                (AT_FDCWD, path("/tmp/wolfguard-payload"), os.O_RDWR | os.O_CREAT, 0o600), _LANDLOCK, UNSEEN),
        Attempt("socket inet", "a connection to elsewhere", "socket", _INTERNET, _NO_FAMILY, UNSEEN),
        Attempt("socket unix", "the journal's socket, which it needs", "socket",
                (socket.AF_UNIX, socket.SOCK_DGRAM, 0), Outcome("its work", (SUCCESS,)), UNSEEN),
        Attempt("rename", "replace the database", "rename", (Of("database"), path("/tmp/x")), killed(), UNSEEN),
        _EXECUTE,
        Attempt("kill", "end the supervisor", "kill", (Of("supervisor"), signal.SIGKILL), killed(), UNSEEN),
    ),
    "netd": (
        _ABSENT,
        Attempt("socket inet", "a connection to elsewhere", "socket", _INTERNET, _NO_FAMILY, UNSEEN),
        Attempt("socket packet", "listen on a card", "socket", (17, socket.SOCK_RAW, 0), _NO_FAMILY, UNSEEN),
        Attempt("socket netlink", "speak to the kernel", "socket", (AF_NETLINK, socket.SOCK_RAW, 0),
                Outcome("its work", (SUCCESS,)), UNSEEN),
        Attempt("TUNSETOWNER", "give a TUN to another user", "ioctl", (Of("tun"), TUNSETOWNER, 0), killed(), UNSEEN),
        Attempt("setns", "another network", "setns", (0, CLONE_NEWNET), killed(), UNSEEN),
        _EXECUTE,
    ),
    "mgmtd": (
        _ABSENT,
        Attempt("socket unix", "speak to local services", "socket", (socket.AF_UNIX, socket.SOCK_STREAM, 0),
                killed(), UNSEEN),
        Attempt("connect", "turn the management socket around", "connect",
                (Of("management"), local("@nobody"), 9), killed(), UNSEEN),
        Attempt("shutdown", "leave its successor a socket that hears nobody", "shutdown",
                (Of("management"), socket.SHUT_RDWR), killed(), UNSEEN),
        _EXECUTE,
    ),
}  # fmt: skip
