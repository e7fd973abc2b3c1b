# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers who want too much, against the limits that a site has by default: they are refused, others are served."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.raw import Raw, dial
from tests.interop.test_bad_input import counters
from wolfguard.linux.namespace import Topology

OTHER = "203.0.113.77"
UNAUTHENTICATED = 50


@pytest.fixture(scope="module")
def guarded(make_gateway: Callable[..., Field]) -> Field:
    """A gateway with the default limits and short patience with silent handshakes."""

    def edit(document: dict[str, Any]) -> None:
        document["sites"][0]["timeouts"] = {"handshake": 2}

    made = make_gateway(edit)
    made.add_user("alice")
    made.topology.client.address("eth0", f"{OTHER}/24")
    return made


@pytest.fixture
def strangers(guarded: Field) -> Iterator[list[socket.socket]]:
    """More silent connections from one source than a source may have."""
    with ExitStack() as open_sockets:
        made = []
        for _ in range(UNAUTHENTICATED + 30):
            with suppress(ConnectionResetError):
                made.append(open_sockets.enter_context(dial(guarded.topology.client)))
        yield made


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def await_counter(field: Field, name: str, least: int, limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while (value := counters(field).get(name, 0)) < least:
        assert time.monotonic() < end, f"{name} is {value}, not {least}"
        time.sleep(0.1)


def test_connections_of_one_source(guarded: Field, strangers: list[socket.socket]) -> None:
    before = counters(guarded).get("handshake_timeout", 0)
    await_counter(guarded, "refused_source_connections", 30)
    assert sum(not closed(each) for each in strangers) <= UNAUTHENTICATED
    # a neighbour logs in while the source sits on all that it may have
    neighbour = Raw.open(guarded.topology.client, str(guarded.site.authority), source=OTHER)
    assert neighbour.connect(neighbour.log_in("alice", PASSWORD))[0] == 200
    neighbour.close()
    # and silence is not waited for
    await_counter(guarded, "handshake_timeout", before + UNAUTHENTICATED)


def test_handshakes_per_second(guarded: Field) -> None:
    """A source that only opens and closes uses up its burst; its next connection is dropped before TLS begins."""
    before = counters(guarded).get("refused_source_rate", 0)
    for _ in range(100):
        # what is refused is reset, at times before connect() has returned
        with suppress(ConnectionResetError):
            dial(guarded.topology.client).close()
    await_counter(guarded, "refused_source_rate", before + 1)
    neighbour = Raw.open(guarded.topology.client, str(guarded.site.authority), source=OTHER)
    neighbour.close()
    assert guarded.recorded("refused_source_rate")
    assert Topology.CLIENT_V4 in guarded.events()


def test_slow_sender(guarded: Field) -> None:
    """One byte now and then does not keep a handshake open."""
    before = counters(guarded).get("handshake_timeout", 0)
    slow = dial(guarded.topology.client, source=OTHER)
    slow.sendall(b"\x16")
    await_counter(guarded, "handshake_timeout", before + 1)
    assert closed(slow)
    slow.close()
