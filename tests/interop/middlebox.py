# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand between a client and a gateway: firewalls that fall silent, address translators, meters.

Owns nftables of its own in a test's namespaces. Drops happen where packets arrive, since a drop on the way out is an
error that the sender sees, which no network tells it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wolfguard.linux.namespace import Namespace, Topology

PORT = 443


def add(namespace: Namespace, table: str, body: str) -> None:
    namespace.run("nft", f"table inet {table} {{\n{body}\n}}")


def remove(namespace: Namespace, table: str) -> None:
    namespace.run("nft", f"delete table inet {table}")


@contextmanager
def silence(topology: Topology) -> Iterator[None]:
    """No datagram of the tunnel arrives anywhere, for the time of the block."""
    ways = ((topology.gateway, "dport"), (topology.client, "sport"))
    for namespace, side in ways:
        hook = "type filter hook prerouting priority -300;"
        add(namespace, "silence", f"chain arriving {{ {hook}\nudp {side} {PORT} counter drop\n}}")
    try:
        yield
    finally:
        for namespace, _ in ways:
            remove(namespace, "silence")


@contextmanager
def rebound(client: Namespace, port: int, seen: int) -> Iterator[None]:
    """As if a translator had forgotten its client and chosen anew: what it sends from `port` comes from `seen` now, and
    what is sent to `port` finds nobody. Without state, so that no flow must be flushed."""
    leaving = f"udp dport {PORT} udp sport {port} udp sport set {seen}"
    old = f"udp sport {PORT} udp dport {port} drop"
    new = f"udp sport {PORT} udp dport {seen} udp dport set {port}"
    add(
        client,
        "rebound",
        f"chain leaving {{ type filter hook postrouting priority 300;\n{leaving}\n}}\n"
        f"chain arriving {{ type filter hook prerouting priority -300;\n{old}\n{new}\n}}",
    )
    try:
        yield
    finally:
        remove(client, "rebound")


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes of whole packets on the wire, as the gateway's side counts them."""

    udp_in: int
    udp_out: int
    tcp_in: int
    tcp_out: int


class Meter:
    """Counts a gateway's outside traffic: what the kernel saw, whatever the gateway says."""

    NAMES = ("udp_in", "udp_out", "tcp_in", "tcp_out")

    def __init__(self, gateway: Namespace) -> None:
        self.gateway = gateway

    def __enter__(self) -> Meter:
        named = "\n".join(f"counter {name} {{ }}" for name in self.NAMES)
        ways = {"in": ("prerouting priority -290", "dport"), "out": ("postrouting priority 290", "sport")}
        chains = "\n".join(
            f"chain going_{way} {{ type filter hook {hook};\n"
            + "\n".join(f"{kind} {side} {PORT} counter name {kind}_{way}" for kind in ("udp", "tcp"))
            + "\n}"
            for way, (hook, side) in ways.items()
        )
        add(self.gateway, "metered", f"{named}\n{chains}")
        return self

    def __exit__(self, *_: object) -> None:
        remove(self.gateway, "metered")

    def read(self) -> Moved:
        listed = json.loads(self.gateway.run("nft", "-j", "list", "counters", "table", "inet", "metered"))["nftables"]
        values = {each["counter"]["name"]: int(each["counter"]["bytes"]) for each in listed if "counter" in each}
        return Moved(**values)
