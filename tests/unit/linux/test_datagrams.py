# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP sockets come with all that their confined users cannot set themselves, on loopback."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from wolfguard.linux import datagrams, steering

LOOPBACK = ["127.0.0.1", "::1"]


@pytest.mark.parametrize("address", LOOPBACK)
def test_options(address: str) -> None:
    if ":" in address:
        level, info, discover = socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, datagrams.IPV6_MTU_DISCOVER
    else:
        level, info, discover = socket.IPPROTO_IP, datagrams.IP_PKTINFO, datagrams.IP_MTU_DISCOVER
    with datagrams.udp_socket(address, 0, shared=True) as sock:
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1
        assert sock.getsockopt(level, info) == 1
        assert sock.getsockopt(level, discover) == datagrams.PMTUDISC_PROBE
        assert sock.getsockopt(socket.IPPROTO_UDP, datagrams.UDP_GRO) == 1


@pytest.mark.parametrize("address", LOOPBACK)
def test_the_address_that_was_reached_comes_along(address: str) -> None:
    with datagrams.udp_socket(address, 0, shared=False) as sock:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.sendto(b"hello", sock.getsockname())
        data, ancillary, _, _ = sock.recvmsg(100, 200)
    assert data == b"hello"
    level = socket.IPPROTO_IPV6 if ":" in address else socket.IPPROTO_IP
    (info,) = [value for found, _, value in ancillary if found == level]
    assert socket.inet_pton(family, address) in info


def test_buffers_go_past_the_machines_limit_as_root() -> None:
    # The kernel counts its own bookkeeping and gives back twice what was asked for.
    with datagrams.udp_socket("127.0.0.1", 0, shared=False) as sock:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            assert sock.getsockopt(socket.SOL_SOCKET, option) == 2 * datagrams.BUFFER_BYTES


class Narrow(socket.socket):
    """A socket of a process that may not go past limits, on a kernel without UDP_GRO."""

    def setsockopt(self, level: int, option: int, value: object, *rest: object) -> None:
        if option in (datagrams.SO_RCVBUFFORCE, datagrams.SO_SNDBUFFORCE) and level == socket.SOL_SOCKET:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        if (level, option) == (socket.IPPROTO_UDP, datagrams.UDP_GRO):
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        super().setsockopt(level, option, value, *rest)  # type: ignore[call-overload]


def test_less_where_the_machine_gives_less(monkeypatch: pytest.MonkeyPatch) -> None:
    before = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    usual = before.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    before.close()
    monkeypatch.setattr(socket, "socket", Narrow)
    with datagrams.udp_socket("127.0.0.1", 0, shared=True) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= usual


def test_a_group_shares_and_others_see_it() -> None:
    with datagrams.udp_socket("127.0.0.1", 0, shared=True) as one:
        port = one.getsockname()[1]
        with datagrams.udp_socket("127.0.0.1", port, shared=True) as two:
            steering.attach(one, steering.program(steering.UDP, 2))
            assert two.getsockname() == one.getsockname()
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            datagrams.udp_socket("127.0.0.1", port, shared=False)


def test_both_families_have_the_port_at_once() -> None:
    with datagrams.udp_socket("::1", 0, shared=True) as one:
        port = one.getsockname()[1]
        datagrams.udp_socket("127.0.0.1", port, shared=False).close()
