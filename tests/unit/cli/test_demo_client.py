# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo's client reads out of openconnect's output, with a program that prints what openconnect prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wolfguard.cli.demo.client import Client, ClientError
from wolfguard.linux.namespace import Namespace

GNUTLS = "[1] Established DTLS connection (using GnuTLS). Ciphersuite (DTLS1.2)-(PSK)-(AES-256-GCM)."
OPENSSL = "[1] Established DTLS connection (using OpenSSL). Ciphersuite DTLSv1.2-PSK-AES256-GCM-SHA384."
CONNECTED = "[2] Configured as 10.99.0.2 + fd99::2/64, with SSL connected and DTLS connected"


class Here(Namespace):
    """The namespace we are in, so that no root is needed."""

    def inside(self, command: Sequence[str]) -> list[str]:
        return list(command)


@dataclass
class Printing(Client):
    """Prints these lines instead of connecting."""

    lines: tuple[str, ...] = field(default=())

    def command(self) -> list[str]:
        return ["printf", "%s\n", *self.lines]


@pytest.fixture
def printing() -> Iterator[Callable[..., Client]]:
    started: list[Client] = []

    def make(*lines: str) -> Client:
        client = Printing(Here("none"), "https://192.0.2.1", Path("/none"), lines=lines)
        started.append(client)
        return client

    yield make
    for client in started:
        client.stop()


def words(*, dtls: bool) -> list[str]:
    return Client(Here("none"), "https://192.0.2.1", Path("/none"), dtls=dtls).command()


def test_datagrams_are_asked_for() -> None:
    assert "--no-dtls" in words(dtls=False)
    assert "--no-dtls" not in words(dtls=True)


@pytest.mark.parametrize(
    ("line", "suite"),
    [(GNUTLS, "(DTLS1.2)-(PSK)-(AES-256-GCM)"), (OPENSSL, "DTLSv1.2-PSK-AES256-GCM-SHA384")],
    ids=["gnutls", "openssl"],
)
def test_suite(printing: Callable[..., Client], line: str, suite: str) -> None:
    client = printing(line)
    client.start()
    assert client.wait_dtls() == suite


def test_suite_said_before_the_address(printing: Callable[..., Client]) -> None:
    client = printing(GNUTLS, CONNECTED, "script finished: connect", OPENSSL)
    assert client.connect() == "10.99.0.2"
    assert client.wait_dtls() == "(DTLS1.2)-(PSK)-(AES-256-GCM)"
    assert client.wait_dtls() == "DTLSv1.2-PSK-AES256-GCM-SHA384"
    with pytest.raises(ClientError, match="ended with 0"):
        client.wait_dtls()


def test_each_line_is_found_once(printing: Callable[..., Client]) -> None:
    client = printing("one", "two", "one")
    client.start()
    assert client.wait_for("one").group() == "one"
    assert client.wait_for("one").group() == "one"
    with pytest.raises(ClientError):
        client.wait_for("two")
