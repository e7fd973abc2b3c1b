# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's sockets for clients: one for each listener, protocol and worker slot, kept while the gateway lives.

Copies stay here, since a member that closes would shift the others' places in the group and move their clients.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wolfguard.config.endpoints import ANY_IPV6, SOURCE, endpoints
from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.linux import datagrams, labels, sockets, steering

TCP: Final = "tcp"
UDP: Final = "udp"
_MAKERS: Final = {TCP: sockets.tcp_listener, UDP: datagrams.udp_socket}


@dataclass(frozen=True, slots=True)
class Opened:
    """Descriptors by slot, in the order of the listeners, and the addresses as text."""

    listeners: list[list[int]]
    datagrams: list[list[int]]
    texts: list[str]

    def descriptors(self) -> list[int]:
        return [descriptor for group in (*self.listeners, *self.datagrams) for descriptor in group]


def open_listeners(configuration: Configuration, slots: int) -> Opened:
    """Raises StartError with one clear line; then nothing is left open."""
    opened = Opened([[] for _ in range(slots)], [[] for _ in range(slots)], [])
    try:
        for endpoint in endpoints(configuration.listeners, configuration.steer):
            for protocol, by_slot in ((TCP, opened.listeners), (UDP, opened.datagrams)):
                if protocol == UDP and not endpoint.udp:
                    continue
                group = _open_group(endpoint.address, endpoint.port, protocol, slots, configuration.steer)
                if group is None:
                    continue
                for descriptors, sock in zip(by_slot, group, strict=True):
                    descriptors.append(sock.detach())
                opened.texts.append(f"{sockets.address_text(endpoint.address, endpoint.port)}/{protocol}")
    except StartError:
        for descriptor in opened.descriptors():
            os.close(descriptor)
        raise
    return opened


def open_order_sockets(configuration: Configuration) -> list[int]:
    """Where backends hear what their servers order, in the order of backends. Raises StartError; then none is open."""
    opened: list[int] = []
    for backend in configuration.backends:
        dynamic = backend.radius.dynamic_authorization if backend.radius is not None else None
        if dynamic is None or not dynamic.listen:
            continue
        try:
            with labels.sockets(labels.orders()):
                opened.append(sockets.datagram_socket(dynamic.listen, dynamic.port).detach())
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            where = sockets.address_text(dynamic.listen, dynamic.port)
            key = f"dynamic_authorization of the backend {backend.name}"
            raise StartError(f"cannot hear orders on {where}/udp: {error.strerror}; change {key}") from error
    return opened


def _open_group(address: str, port: int, protocol: str, slots: int, steer: str) -> list[socket.socket] | None:
    """None where the machine has no IPv6 and "::" asked for both families."""
    make = _MAKERS[protocol]
    group: list[socket.socket] = []
    try:
        # Sockets that share would silently share with another gateway too: the first look must not share.
        with labels.sockets(labels.outside(None)):
            make(address, port, shared=False).close()
        for slot in range(slots):
            with labels.sockets(labels.outside(slot)):
                group.append(make(address, port, shared=True))
        _steer(group, protocol, steer)
    except OSError as error:
        _close(group)
        if address == ANY_IPV6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        where = sockets.address_text(address, port)
        raise StartError(_explain(where if protocol == TCP else f"{where}/{protocol}", error)) from error
    return group


def _steer(group: list[socket.socket], protocol: str, steer: str) -> None:
    """The client's address chooses the member, for both protocols alike; else the kernel's hash of the flow does."""
    if steer == SOURCE:
        table = steering.UDP if protocol == UDP else steering.TCP
        steering.attach(group[0], steering.program(table, len(group)))


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
