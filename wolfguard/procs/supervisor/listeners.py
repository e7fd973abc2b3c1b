# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's listening sockets: one for each listener and worker slot, kept open for as long as the gateway lives.

Copies stay here, since a member that closes would shift the others' places in the group and move their clients.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Sequence

from wolfguard.config.site import Listener
from wolfguard.errors import StartError
from wolfguard.linux import sockets, steering

ANY_IPV6 = "::"
ANY_IPV4 = "0.0.0.0"  # noqa: S104 - the operator asked for every address


def endpoints(listeners: Sequence[Listener]) -> list[tuple[str, int]]:
    """(address, port) of every group of sockets. "::" means every address of both families, so it becomes two."""
    wanted = [(listener.address, listener.port) for listener in listeners]
    result: list[tuple[str, int]] = []
    for address, port in wanted:
        result.append((address, port))
        if address == ANY_IPV6 and (ANY_IPV4, port) not in wanted:
            result.append((ANY_IPV4, port))
    return result


def open_listeners(listeners: Sequence[Listener], slots: int) -> tuple[list[list[int]], list[str]]:
    """Descriptors by slot, in the order of the listeners, and their addresses as text. Raises StartError."""
    by_slot: list[list[int]] = [[] for _ in range(slots)]
    texts: list[str] = []
    try:
        for address, port in endpoints(listeners):
            group = _open_group(address, port, slots)
            if group is None:
                continue
            for descriptors, sock in zip(by_slot, group, strict=True):
                descriptors.append(sock.detach())
            texts.append(f"{sockets.address_text(address, port)}/tcp")
    except StartError:
        for descriptors in by_slot:
            for descriptor in descriptors:
                os.close(descriptor)
        raise
    return by_slot, texts


def _open_group(address: str, port: int, slots: int) -> list[socket.socket] | None:
    """None where the machine has no IPv6 and "::" asked for both families."""
    where = sockets.address_text(address, port)
    group: list[socket.socket] = []
    try:
        # Sockets that share would silently share with another gateway too: the first look must not share.
        sockets.tcp_listener(address, port, shared=False).close()
        group.extend(sockets.tcp_listener(address, port, shared=True) for _ in range(slots))
        steering.attach(group[0], steering.program(steering.TCP, slots))
    except OSError as error:
        _close(group)
        if address == ANY_IPV6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        raise StartError(_explain(where, error)) from error
    return group


def _explain(where: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: another program does; stop it or change listeners in the site file"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: this machine has no such address; add it or change listeners"
    if error.errno == errno.EACCES:
        return f"cannot listen on {where}: permission denied; start the gateway as root"
    return f"cannot listen on {where}: {error.strerror}; change listeners in the site file"


def _close(group: Iterable[socket.socket]) -> None:
    for sock in group:
        sock.close()
