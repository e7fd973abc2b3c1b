# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of any build with its tunnel on DTLS, and what tests ask about such a tunnel."""

from __future__ import annotations

import time
from typing import Any

from tests.interop.conftest import PASSWORD, Build, Field
from wolfguard.cli.demo.client import Client

SUITE = "TLS_PSK_WITH_AES_256_GCM_SHA384"
# what the clients' libraries call it
SAID = ("(DTLS1.2)-(PSK)-(AES-256-GCM)", "DTLSv1.2-PSK-AES256-GCM-SHA384")
ANSWERED = r"Got CONNECT response: HTTP/1.1 200"
RECONNECTED = r"script finished: reconnect"


def connected(field: Field, build: Build, clients: list[Client], **settings: Any) -> tuple[Client, str]:
    """A client whose tunnel is on DTLS, and its inside address."""
    client = build.client(field, "alice", PASSWORD, dtls=True, **settings)
    clients.append(client)
    inside = client.connect()
    assert client.wait_dtls() in SAID
    return client, inside


def await_datagram(field: Field, inside: str, *, up: bool, limit: float = 5.0) -> dict[str, Any] | None:
    """The session's DTLS facts, once they are there (or, not `up`, gone): a worker tells sessiond in its own time."""
    end = time.monotonic() + limit
    while True:
        facts: dict[str, Any] | None = field.session(inside)["datagram"]
        if (facts is not None) is up:
            return facts
        assert time.monotonic() < end, f"after {limit:.0f} s the session's DTLS is {facts}"
        time.sleep(0.05)


def cut_tls(field: Field) -> None:
    """Resets the TCP connections that stand now, and no datagram: as a middlebox does that has lost its state."""
    killed = field.topology.client.run("ss", "-HKtn", "state", "established", "dport", "=", ":443")
    assert killed, "no connection was cut: does this kernel have INET_DIAG_DESTROY?"
