# SPDX-License-Identifier: GPL-3.0-or-later
"""One helper: waits on its socket for a login, carries it through PAM, ends with it or with its session.

Everything in here may hang, crash or leak: pam has the clock, the nursery the power to end it. Limits are those
of one login: memory, processor time, files and their size.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from wolfguard.config.site import Pam
from wolfguard.ipc import codec
from wolfguard.ipc.factors import UNAVAILABLE, FactorAnswer, FactorStep
from wolfguard.procs.nursery.conversation import Login
from wolfguard.procs.nursery.library import Library

CLOSED: Final = b"closed"
"""The last word of a helper that has closed its session (`procs.pam.held`)."""

LIMITS: Final = (
    (resource.RLIMIT_AS, 512 * 1024 * 1024),
    (resource.RLIMIT_CPU, 60),
    (resource.RLIMIT_FSIZE, 16 * 1024 * 1024),
    (resource.RLIMIT_NOFILE, 128),
    (resource.RLIMIT_CORE, 0),
)
"""Limits of a helper and of everything that modules start."""


class Helper:
    """What the nursery forks. `services` are the PAM backends by name."""

    def __init__(self, library: Library, services: Mapping[str, Pam]) -> None:
        self._library = library
        self._services = services

    def work(self, sock: socket.socket) -> None:
        """A helper's whole life."""
        for kind, value in LIMITS:
            resource.setrlimit(kind, (value, value))
        _be_silent()
        # A group and session of its own, as a login has.
        os.setsid()
        sock.settimeout(None)
        first = _receive(sock)
        if first is None:
            return
        pam = self._services.get(first.backend)
        if pam is None:
            sock.send(codec.encode(FactorAnswer(UNAVAILABLE, reason="backend")))
            return
        login = Login(pam, first, lambda asked: _exchange(sock, asked), lambda answer: _hold(sock, answer))
        # The password is not kept for as long as a session may live.
        del first
        answer = login.run(self._library)
        # pam may have gone meanwhile, as a gateway that ends does.
        with suppress(OSError):
            sock.send(codec.encode(answer) if answer is not None else CLOSED)


def _exchange(sock: socket.socket, asked: FactorAnswer) -> FactorStep | None:
    sock.send(codec.encode(asked))
    return _receive(sock)


def _hold(sock: socket.socket, answer: FactorAnswer) -> None:
    """Returns when the session is over: pam ends its side of the socket, or has ended itself."""
    sock.send(codec.encode(answer))
    with suppress(OSError):
        sock.recv(1)


def _receive(sock: socket.socket) -> FactorStep | None:
    data = sock.recv(codec.DATAGRAM_LIMIT)
    return codec.decode(FactorStep, data) if data else None


def _be_silent() -> None:
    """What modules and their programs print is nobody's; they have the system's log."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
