# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets in SO_REUSEPORT groups, the program that steers them, and who is at a Unix socket's other end.

Owns socket options and classic BPF for SO_ATTACH_REUSEPORT_CBPF (socket(7)). Must not know what is spoken on them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

SO_ATTACH_REUSEPORT_CBPF: Final = 51
SO_PEERGROUPS: Final = 59
BACKLOG: Final = 4096

# Classic BPF. Loads at SKF_NET_OFF + n read byte n of the IP header, whatever the program's own start of data.
_NETWORK_HEADER: Final = 0xFFF00000
_LOAD_WORD: Final = 0x20
_LOAD_BYTE: Final = 0x30
_AND: Final = 0x54
_MULTIPLY: Final = 0x24
_MODULO: Final = 0x94
_SHIFT_RIGHT: Final = 0x74
_XOR_X: Final = 0xAC
_TO_X: Final = 0x07
_IF_EQUAL: Final = 0x15
_JUMP: Final = 0x05
_RETURN_A: Final = 0x16

_IPV4_SOURCE: Final = 12
_IPV6_SOURCE: Final = 8
_MIX: Final = 0x9E3779B1  # 2^32 / golden ratio: neighbouring addresses land far apart


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


def steer_by_source(sock: socket.socket, members: int) -> None:
    """Makes the source address choose among the group's `members`, numbered in the order in which they listened."""
    program = ctypes.create_string_buffer(steering_program(members))
    count = len(program.raw) // 8
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("@HP", count, ctypes.addressof(program)))


def steering_program(members: int) -> bytes:
    """`struct sock_filter` array: hash of the source address modulo `members`, for IPv4 and IPv6.

    Ports do not count, so that TCP and UDP of one client meet in one place.
    """
    mixed = [(_MULTIPLY, 0, 0, _MIX), (_SHIFT_RIGHT, 0, 0, 16), (_MODULO, 0, 0, members), (_RETURN_A, 0, 0, 0)]
    ipv6: list[tuple[int, int, int, int]] = [(_LOAD_WORD, 0, 0, _NETWORK_HEADER + _IPV6_SOURCE)]
    for word in range(1, 4):
        ipv6 += [(_TO_X, 0, 0, 0), (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _IPV6_SOURCE + 4 * word), (_XOR_X, 0, 0, 0)]
    instructions = [
        (_LOAD_BYTE, 0, 0, _NETWORK_HEADER),
        (_AND, 0, 0, 0xF0),
        (_IF_EQUAL, 2, 0, 0x60),
        (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _IPV4_SOURCE),
        (_JUMP, 0, 0, len(ipv6)),
        *ipv6,
        *mixed,
    ]
    # `/ 0` is refused by the kernel, and one member needs no choice: modulo 1 is always 0.
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


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
