# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation with a connection, told as a script: what comes in, and what must come out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wolfguard.protocol.commands import Command, Send
from wolfguard.protocol.connection import Connection
from wolfguard.protocol.events import Event, Received
from wolfguard.protocol.http import Limits
from wolfguard.protocol.login_page import Field, Form
from wolfguard.protocol.pages import Groups
from wolfguard.protocol.tunnel_head import TunnelOffer

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "openconnect"
RELEASES = ("9.01", "9.12", "9.21")

FORM = Form(
    auth_id="main",
    message="Please log in",
    error="",
    banner="Authorised use only",
    fields=(
        Field("group_list", "select", "GROUP:", "guests", (("staff", "Staff people"), ("guests", "Guests"))),
        Field("username", "text", "Username:"),
        Field("password", "password", "Password:"),
    ),
)
OFFER = TunnelOffer(
    ipv4="10.9.0.5",
    ipv4_netmask="255.255.255.255",
    ipv6="fd00::5",
    ipv6_prefix=128,
    mtu=1390,
    base_mtu=1500,
    server_rekeys=True,
)


def connection(limits: Limits | None = None) -> Connection:
    return Connection(Groups([("staff", "Staff people"), ("guests", "Guests")]), limits or Limits())


def vector(release: str, name: str) -> bytes:
    return (VECTORS / release / f"{name}.http").read_bytes()


def request(method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: vpn.example.com", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass(frozen=True)
class Answer:
    """Matches a Send by what matters: status, texts in it, and whether it closes."""

    status: int
    texts: tuple[str, ...] = ()
    close: bool = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Send):
            return NotImplemented
        text = other.data.decode()
        return (
            text.startswith(f"HTTP/1.1 {self.status} ")
            and all(wanted in text for wanted in self.texts)
            and other.close == self.close
        )

    def __hash__(self) -> int:
        return hash(self.status)


def answer(status: int, *texts: str, close: bool = False) -> Answer:
    return Answer(status, texts, close)


class Playbook:
    """`Playbook(connection).on(event, command, ...).on(...)`: each `on` asserts all commands that the event causes."""

    def __init__(self, player: Connection) -> None:
        self._player = player

    def on(self, event: Event | bytes, *expected: Command | Answer) -> Playbook:
        given = Received(event) if isinstance(event, bytes) else event
        commands = self._player.handle(given)
        assert list(expected) == list(commands), f"{given}: {[_shown(command) for command in commands]}"
        return self


def _shown(command: Command) -> object:
    return command.data.decode(errors="replace") if isinstance(command, Send) else command
