# SPDX-License-Identifier: GPL-3.0-or-later
"""What each open descriptor of a gateway's process is, by the kernel's word: the words of the manifest.

A socket is looked at through a duplicate of it (pidfd_getfd); whom a channel leads to is found by the number of its
other end's socket, which some process has open. What nothing here knows comes out as the kernel names it, so that it
matches no expectation.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wolfguard.ipc.dispatch_table import EDGES
from wolfguard.linux.namespace import Namespace

_PIDFD_GETFD: Final = 438  # the same on every architecture that is newer than the call
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_INODE: Final = re.compile(r"socket:\[(\d+)\]")
_SYSTEM_KINDS: Final = {"anon_inode:[eventpoll]": "epoll", "anon_inode:[eventfd]": "eventfd", "/dev/null": "null"}


def links(pid: int) -> dict[int, str]:
    """Descriptors and what /proc says they lead to."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # One that is closed meanwhile is none.
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:
            continue
    return found


def duplicate(pid: int, descriptor: int) -> int:
    """The same open file, in this process. Raises OSError."""
    process = os.pidfd_open(pid)
    try:
        copy: int = _LIBC.syscall(_PIDFD_GETFD, process, descriptor, 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), f"descriptor {descriptor} of {pid}")
        return copy
    finally:
        os.close(process)


class Sockets:
    """Sockets of a whole gateway. `processes` are its processes by name, the supervisor among them."""

    def __init__(self, namespace: Namespace, processes: Mapping[str, int]) -> None:
        self._owners: dict[int, set[str]] = {}
        for name, pid in processes.items():
            for link in links(pid).values():
                if match := _INODE.fullmatch(link):
                    self._owners.setdefault(int(match[1]), set()).add(name)
        self._peers: dict[int, int] = {}
        for line in namespace.run("ss", "-xaHn").splitlines():
            words = line.split()
            self._peers[int(words[5])] = int(words[7])

    def kind(self, name: str, pid: int, descriptor: int, inode: int) -> str:
        with socket.socket(fileno=duplicate(pid, descriptor)) as sock:
            family, listening = sock.family, bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            if family == socket.AF_NETLINK:
                return "netlink"
            if family in (socket.AF_INET, socket.AF_INET6):
                if sock.type == socket.SOCK_DGRAM:
                    return "datagram"
                return "listener" if listening else "client"
            if family != socket.AF_UNIX:
                return f"socket of family {family}"
            if listening:
                return "management"
            return self._channel(name, sock.type, self._owners.get(self._peers.get(inode, 0), set()))

    def _channel(self, name: str, kind: int, others: set[str]) -> str:
        if others == {name} and kind == socket.SOCK_STREAM:
            return "pair"
        if others == {"supervisor"} and kind == socket.SOCK_SEQPACKET:
            return "control"
        if kind != socket.SOCK_SEQPACKET or len(others) != 1:
            return f"socket of type {kind} to {sorted(others) or 'nobody'}"
        other = others.pop().partition("/")[0]
        between = {name.partition("/")[0], other}
        return f"{next((edge[2] for edge in EDGES if set(edge[:2]) == between), 'unknown channel')} {other}"


def kinds(name: str, pid: int, sockets: Sockets, files: Mapping[str, str]) -> dict[int, str]:
    """Every descriptor with its kind. `files` are paths, or their beginnings if they end with "*", and their kinds."""
    found = {}
    for descriptor, link in links(pid).items():
        if match := _INODE.fullmatch(link):
            try:
                found[descriptor] = sockets.kind(name, pid, descriptor, int(match[1]))
            except OSError:
                found[descriptor] = "closed meanwhile"
        else:
            found[descriptor] = _SYSTEM_KINDS.get(link) or _file_kind(link, files)
    return found


def _file_kind(link: str, files: Mapping[str, str]) -> str:
    for path, kind in files.items():
        if link == path or (path.endswith("*") and link.startswith(path[:-1])):
            return kind
    return link
