# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets on which backends hear what their servers order: one for each that names an address, or none at all."""

from __future__ import annotations

import os
import socket

import pytest

from wolfguard.config.site import Backend, Configuration, DynamicAuthorization, Radius
from wolfguard.errors import StartError
from wolfguard.procs.supervisor.listeners import open_order_sockets


def configuration(*ends: tuple[str, int] | None) -> Configuration:
    backends = tuple(
        Backend(
            f"b{place}",
            "radius",
            radius=Radius((), dynamic_authorization=DynamicAuthorization(*end) if end is not None else None),
        )
        for place, end in enumerate(ends)
    )
    return Configuration(listeners=(), sites=(), backends=backends)


def free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_one_for_each_backend_that_hears_datagrams() -> None:
    port = free()
    (descriptor,) = open_order_sockets(configuration(None, ("", 3799), ("127.0.0.1", port)))
    assert not os.get_blocking(descriptor)
    with socket.socket(fileno=descriptor) as made:
        assert made.getsockname() == ("127.0.0.1", port)
        assert made.type == socket.SOCK_DGRAM


def test_a_port_that_is_taken_opens_none() -> None:
    port, other = free(), free()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(StartError, match=f"cannot hear orders on 127.0.0.1:{port}/udp: .*; change dynamic_auth.* b2"):
        open_order_sockets(configuration(("127.0.0.1", other), ("127.0.0.1", port), ("127.0.0.1", port)))
    assert len(os.listdir("/proc/self/fd")) == len(before)
