# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the whole gateway ask of it from outside: its status, its sessions, traffic through a tunnel."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.interop.conftest import PASSWORD, Field
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import TrafficError, ping
from wolfguard.linux.namespace import Topology

LIMIT = 30.0

Json = dict[str, Any]


def until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Waits for what a process of its own does; fails after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit:g} s: {what}"
        time.sleep(0.05)


def asked(field: Field, *words: str) -> Json | None:
    """What a command of the gateway answers; None while it cannot."""
    result = field.site.wolfguard(*words, "--json")
    answer: Json | None = json.loads(result.stdout) if result.returncode == 0 else None
    return answer


def status(field: Field) -> Json:
    answer = asked(field, "status")
    assert answer is not None
    return answer


def sessions(field: Field, user: str) -> list[Json]:
    answer = asked(field, "sessions", "--user", user)
    assert answer is not None
    found: list[Json] = answer["sessions"]
    return found


def connect(field: Field, clients: list[Client], user: str) -> Client:
    """The machine's own openconnect, connected; stopped at the end of the test."""
    server = f"https://{Topology.GATEWAY_V4}"
    client = Client(field.topology.client, server, field.site.authority, user, (PASSWORD,))
    clients.append(client)
    client.connect()
    return client


@contextmanager
def connected(field: Field, user: str) -> Iterator[Json]:
    """A session of this user, whose client is connected all the while."""
    clients: list[Client] = []
    connect(field, clients, user)
    (session,) = sessions(field, user)
    try:
        yield session
    finally:
        clients[0].stop()


def kept(session: Json) -> Json:
    """What a session keeps through whatever happens to the processes of its gateway."""
    return {name: session[name] for name in ("session", "user", "ipv4", "ipv6", "created")}


def pings(field: Field) -> bool:
    """Whether the tunnel carries, both families."""
    try:
        ping(field.topology.client, Topology.UPSTREAM_V4, count=1)
        ping(field.topology.client, Topology.UPSTREAM_V6, count=1)
    except TrafficError:
        return False
    return True


@contextmanager
def pinging(field: Field) -> Iterator[None]:
    """A ping through the tunnel all the while; every packet must come back, but for those under way at its end."""
    command = ["ping", "-n", "-i", "0.02", Topology.UPSTREAM_V4]
    asking = subprocess.Popen(field.topology.client.inside(command), stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        asking.send_signal(signal.SIGINT)
        said, _ = asking.communicate()
    back = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl=", said)}
    lost = set(range(1, max(back, default=1) + 1)) - back
    assert not lost, f"lost {lost}; {field.site.wolfguard('status').stdout}"
