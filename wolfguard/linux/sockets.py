# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets in SO_REUSEPORT groups, and who is at a Unix socket's other end.

Owns socket options (socket(7), unix(7)). Must not know what is spoken on them; steering.py chooses within a group.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

SO_PEERGROUPS: Final = 59
BACKLOG: Final = 4096


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """Of the process that connected, at the time it did. `groups` are its supplementary groups."""

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...]


def tcp_listener(address: str, port: int, *, shared: bool) -> socket.socket:
    """Bound and listening, non-blocking; IPv6 sockets hear IPv6 alone. `shared`: joins a SO_REUSEPORT group.

    Raises OSError. A socket that is not shared fails where anybody listens already, sharing or not.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def datagram_socket(address: str, port: int) -> socket.socket:
    """Bound for datagrams of few peers, non-blocking; IPv6 sockets hear IPv6 alone. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def unix_listener(path: str, mode: int) -> socket.socket:
    """Listening stream socket at `path`, in place of one that nobody serves any more. Raises OSError.

    EADDRINUSE when somebody does serve it.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if os.path.lexists(path):
            _remove_dead_socket(path)
        sock.bind(path)
        os.chmod(path, mode)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_dead_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        result = probe.connect_ex(path)
    if result in (0, errno.EAGAIN):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)
    os.unlink(path)


def peer_credentials(sock: socket.socket) -> PeerCredentials:
    """Who connected this Unix socket (SO_PEERCRED, SO_PEERGROUPS). Raises OSError."""
    pid, uid, gid = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    # Python's getsockopt takes at most 1024 bytes: more groups than that are an error, not a shorter list.
    raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 1024)
    return PeerCredentials(pid, uid, gid, struct.unpack(f"{len(raw) // 4}I", raw))


def address_text(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
