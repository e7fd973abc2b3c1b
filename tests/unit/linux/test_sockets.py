# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners in groups, steered by source address, and credentials of local callers, on loopback."""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from pathlib import Path

import pytest

from wolfguard.linux import sockets, steering

MEMBERS = 4


def group(address: str, port: int = 0) -> list[socket.socket]:
    first = sockets.tcp_listener(address, port, shared=True)
    rest = [sockets.tcp_listener(address, first.getsockname()[1], shared=True) for _ in range(MEMBERS - 1)]
    steering.attach(first, steering.program(steering.TCP, MEMBERS))
    return [first, *rest]


def chosen(members: list[socket.socket]) -> int:
    """Which member has a connection waiting."""
    found = []
    for index, member in enumerate(members):
        try:
            member.accept()[0].close()
        except BlockingIOError:
            continue
        found.append(index)
    assert len(found) == 1
    return found[0]


def test_the_source_address_chooses_and_the_port_does_not() -> None:
    members = group("127.0.0.1")
    port = members[0].getsockname()[1]
    spread: Counter[int] = Counter()
    for number in range(2, 40):
        source = f"127.0.0.{number}"
        choices = set()
        for _ in range(3):
            socket.create_connection(("127.0.0.1", port), source_address=(source, 0)).close()
            choices.add(chosen(members))
        assert len(choices) == 1
        spread.update(choices)
    assert set(spread) == set(range(MEMBERS))
    for member in members:
        member.close()


def test_ipv6_is_steered_too_and_kept_apart() -> None:
    members = group("::1")
    port = members[0].getsockname()[1]
    choices = set()
    for _ in range(5):
        socket.create_connection(("::1", port)).close()
        choices.add(chosen(members))
    assert len(choices) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    for member in members:
        member.close()


def test_who_does_not_share_sees_who_listens() -> None:
    with sockets.tcp_listener("127.0.0.1", 0, shared=True) as one:
        port = one.getsockname()[1]
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            sockets.tcp_listener("127.0.0.1", port, shared=False)


def test_a_dead_unix_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    sockets.unix_listener(path, 0o666).close()
    with sockets.unix_listener(path, 0o666) as living:
        assert os.stat(path).st_mode & 0o777 == 0o666
        assert not living.getblocking()
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            sockets.unix_listener(path, 0o666)


def test_credentials_are_the_callers(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with sockets.unix_listener(path, 0o666) as listener, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(path)
        accepted, _ = listener.accept()
        with accepted:
            credentials = sockets.peer_credentials(accepted)
    assert (credentials.pid, credentials.uid, credentials.gid) == (os.getpid(), os.geteuid(), os.getegid())
    assert sorted(credentials.groups) == sorted(os.getgroups())


@pytest.mark.parametrize(("address", "text"), [("::", "[::]:443"), ("192.0.2.1", "192.0.2.1:443")])
def test_addresses_as_text(address: str, text: str) -> None:
    assert sockets.address_text(address, 443) == text
