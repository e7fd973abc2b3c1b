# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning: what a filter would kill for is told in the log and made, for a developer who writes a profile.

Owns the watcher, a process beside the one that learns, forked before that has anything to inherit. The kernel hands it
each such call (seccomp_unotify(2)) and waits for its word; it tells each kind of call once, with its arguments, and
its numbers at the end. It judges nothing: every call is let through. When it ends, the calls fail.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import logging
import os
import platform
import select
import socket
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from wolfguard.sandbox import explanation

VARIABLE: Final = "WOLFGUARD_FILTER"
"""Set to "log" by a launcher that was told to."""
NAME_VARIABLE: Final = "WOLFGUARD_PROCESS"

KINDS_MAX: Final = 500
"""Kinds of calls that are told; what learns may do anything, without end."""

# struct seccomp_notif and struct seccomp_notif_resp of <linux/seccomp.h>, and the ioctls that carry them.
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_CONTINUE: Final = 1

log = logging.getLogger(__name__)


def wanted() -> bool:
    """Whether this process was launched to learn."""
    return os.environ.get(VARIABLE) == "log"


class Watcher:
    """The learning process's end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def hand_over(self, listener: int) -> None:
        """Gives the listener to the watcher. The filter is in force: only calls that every profile has."""
        rights = array.array("i", [listener])
        self._end.sendmsg([b"l"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        self._end.close()
        os.close(listener)


def start(*foreign: int) -> Watcher:
    """Forks the watcher, which closes the `foreign` descriptors. Only while there is one thread."""
    own, other = socket.socketpair()
    learner = os.getpid()
    if os.fork() == 0:
        own.close()
        for descriptor in foreign:
            os.close(descriptor)
        _watch(other, learner)
    other.close()
    return Watcher(own)


def _watch(end: socket.socket, learner: int) -> NoReturn:
    status = 1
    try:
        listener = _receive(end)
        if listener is not None:
            _Listener(listener, learner, *_names()).serve()
        status = 0
    except Exception:
        log.exception("watcher_failed pid=%d", learner)
    os._exit(status)


def _receive(end: socket.socket) -> int | None:
    """None when the process ended before its filter."""
    _, ancillary, _, _ = end.recvmsg(1, socket.CMSG_SPACE(array.array("i").itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            return int(array.array("i", data)[0])
    return None


def _names() -> tuple[dict[int, str], dict[str, tuple[int, ...]]]:
    document = explanation.read()
    profile = document["processes"][os.environ[NAME_VARIABLE]]["filter"]
    return explanation.names(document, platform.machine()), explanation.tested(document["profiles"][profile])


class _Listener:
    """`names`: of calls by number; `tested`: arguments that the profile looks at, so that their values make kinds."""

    def __init__(
        self, listener: int, learner: int, names: Mapping[int, str], tested: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._listener = listener
        self._learner = learner
        self._names = names
        self._tested = tested
        self._seen: Counter[tuple[str, str]] = Counter()

    def serve(self) -> None:
        """Until nobody is left under the filter."""
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        while all(event & select.POLLIN for _, event in poller.poll()):
            # ENOENT: whoever called was killed, or interrupted, meanwhile.
            with contextlib.suppress(FileNotFoundError):
                self._take()
        for (call, arguments), times in sorted(self._seen.items()):
            log.warning("learned_total pid=%d call=%s %stimes=%d", self._learner, call, arguments, times)

    def _take(self) -> None:
        data = bytearray(_NOTIFICATION.size)
        fcntl.ioctl(self._listener, _RECEIVE, data, True)
        number, _, _, call, _, _, *arguments = _NOTIFICATION.unpack(data)
        self._tell(call, arguments)
        fcntl.ioctl(self._listener, _SEND, bytearray(_ANSWER.pack(number, 0, 0, _CONTINUE)), True)

    def _tell(self, call: int, arguments: list[Any]) -> None:
        name = self._names.get(call, f"number_{call}")
        # The filter sees the lower half only.
        shown = "".join(f"arg{each}={arguments[each] & 0xFFFFFFFF:#x} " for each in self._tested.get(name, ()))
        kind = (name, shown)
        if kind not in self._seen and len(self._seen) >= KINDS_MAX:
            return
        self._seen[kind] += 1
        if self._seen[kind] == 1:
            values = ",".join(f"{argument:#x}" for argument in arguments)
            log.warning("learned pid=%d call=%s number=%d %sarguments=%s", self._learner, name, call, shown, values)
