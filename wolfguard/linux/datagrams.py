# SPDX-License-Identifier: GPL-3.0-or-later
"""Bound UDP sockets with everything set that packets of many clients need (ip(7), ipv6(7), udp(7)).

Owns the options, since whoever uses the sockets is confined and may set none. Must not know what is spoken on them.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

# From <linux/in.h>, <linux/in6.h>, <linux/udp.h>, <asm-generic/socket.h>: those that Python does not name.
IP_MTU_DISCOVER: Final = 10
IP_PKTINFO: Final = 8
IPV6_MTU_DISCOVER: Final = 23
PMTUDISC_PROBE: Final = 3
UDP_GRO: Final = 104
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33

BUFFER_BYTES: Final = 8 * 1024 * 1024
"""A few milliseconds of a fast link, so that a burst outlives a worker that is busy with another."""


def udp_socket(address: str, port: int, *, shared: bool) -> socket.socket:
    """Bound, non-blocking; IPv6 sockets hear IPv6 alone. `shared`: joins a SO_REUSEPORT group.

    Raises OSError. A socket that is not shared fails where anybody has the port already, sharing or not.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            # Probes of the path's MTU must go out whole, or not at all, whatever the kernel believes of the path.
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
        _coalesce(sock)
        _widen(sock, SO_RCVBUFFORCE, socket.SO_RCVBUF)
        _widen(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _coalesce(sock: socket.socket) -> None:
    """Datagrams of one flow arrive joined, where the kernel can (Linux 5.0)."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise


def _widen(sock: socket.socket, force: int, polite: int) -> None:
    """Past the machine's limit for everybody where that is permitted, else as far as the limit goes."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, polite, BUFFER_BYTES)
