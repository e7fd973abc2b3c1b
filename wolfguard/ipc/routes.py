# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages by which sessiond asks netd for the routes of leases.

Owns the vocabulary only; the kinds of messages, and what their fields may be, are `ipc.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wolfguard.ipc.messages import Done, Message, Reply, Request


@dataclass(frozen=True, slots=True)
class HostRoute(Message):
    """An inside network (/32, /128 or a routed prefix) and the slot whose TUN carries it; the higher epoch wins.

    `access` is the access list that it is under, "" for the gateway's own networks. One that netd does not know means
    that nothing is reached.
    """

    network: str
    slot: int
    mtu: int
    epoch: int
    access: str = ""


@dataclass(frozen=True, slots=True)
class SetRoutes(Request):
    reply: ClassVar[type[Reply]] = Done
    routes: tuple[HostRoute, ...]


@dataclass(frozen=True, slots=True)
class DropRoutes(Request):
    """Removes routes whose epoch is not newer than the one given; the address rests and its conntrack is flushed."""

    reply: ClassVar[type[Reply]] = Done
    routes: tuple[HostRoute, ...]


@dataclass(frozen=True, slots=True)
class RouteTable(Reply):
    """`next` is what to ask for `after` to get the rest; empty at the end."""

    routes: tuple[HostRoute, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class ListRoutes(Request):
    """Pages through installed routes in the order of addresses: those behind network `after`, at most `limit`."""

    reply: ClassVar[type[Reply]] = RouteTable
    after: str = ""
    limit: int = 400
