# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces with veth pairs between them: the ground of the demo and of every network test.

Owns `ip netns`, `ip link` and `ip address` calls. Must not know what runs inside. Needs root. Names are the caller's,
so that several topologies stand side by side; interface names stay within the kernel's 15 characters.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wolfguard.errors import LocalError

SETTLE_SECONDS: Final = 30


def run(*command: str) -> str:
    """Runs one command to its end and returns what it printed. Raises LocalError with its error text."""
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise LocalError(f"{' '.join(command)}: {result.stderr.strip() or f'exit code {result.returncode}'}")
    return result.stdout


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace by name. `/etc/netns/<name>/resolv.conf` shields the machine's own from a client's script."""

    name: str

    def add(self) -> None:
        run("ip", "netns", "add", self.name)
        etc = self.etc
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text("")
        # Nobody else has its addresses. Looking for duplicates takes two seconds, in which a router asks no neighbour,
        # since it does so from its link-local address; it tries again a second later.
        for interfaces in ("all", "default"):
            self.sysctl(f"net.ipv6.conf.{interfaces}.accept_dad", "0")
        self.run("ip", "link", "set", "lo", "up")

    def delete(self) -> None:
        """Removes it with every interface inside; missing is fine."""
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        (self.etc / "resolv.conf").unlink(missing_ok=True)
        if self.etc.is_dir():
            self.etc.rmdir()

    @property
    def etc(self) -> Path:
        return Path("/etc/netns") / self.name

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in this namespace."""
        own = ["ip", "netns", "exec", self.name]
        if os.statvfs("/proc/sys").f_flag & os.ST_RDONLY:
            # a container's /proc/sys: the namespace's parameters are ours all the same, behind a /proc of its own
            own += ["sh", "-c", 'mount -t proc proc /proc && exec "$@"', "inside"]
        return [*own, *command]

    def run(self, *command: str) -> str:
        return run(*self.inside(command))

    def sysctl(self, key: str, value: str) -> None:
        self.run("sysctl", "-qw", f"{key}={value}")

    def address(self, device: str, *addresses: str) -> None:
        for address in addresses:
            # without duplicate address detection an IPv6 address can be used at once
            options = ["nodad"] if ":" in address else []
            self.run("ip", "address", "add", address, "dev", device, *options)

    def route(self, network: str, via: str) -> None:
        self.run("ip", "route", "add", network, "via", via)

    def settled(self, device: str) -> bool:
        """Whether the device can ask for IPv6 neighbours: it has carrier and a link-local address that is in use."""
        return bool(self.run("ip", "-6", "-o", "address", "show", "dev", device, "scope", "link", "-tentative"))


def join(left: Namespace, left_device: str, right: Namespace, right_device: str) -> None:
    """A veth pair between two namespaces, both ends up."""
    run(
        "ip", "link", "add", left_device, "netns", left.name, "type", "veth",
        "peer", "name", right_device, "netns", right.name,
    )  # fmt: skip
    left.run("ip", "link", "set", left_device, "up")
    right.run("ip", "link", "set", right_device, "up")


@dataclass(frozen=True, slots=True)
class Topology:
    """client ── 203.0.113.0/24, 2001:db8:1::/64 ── gateway ── 198.51.100.0/24, 2001:db8:2::/64 ── upstream

    The upstream host routes the inside pools through the gateway, as a site's core router would.
    """

    client: Namespace
    gateway: Namespace
    upstream: Namespace

    CLIENT_V4 = "203.0.113.2"
    CLIENT_V6 = "2001:db8:1::2"
    GATEWAY_V4 = "203.0.113.1"
    GATEWAY_V6 = "2001:db8:1::1"
    UPSTREAM_V4 = "198.51.100.2"
    UPSTREAM_V6 = "2001:db8:2::2"
    INSIDE_V4 = "10.99.0.0/16"
    INSIDE_V6 = "fd99::/64"

    @classmethod
    def named(cls, prefix: str) -> Topology:
        return cls(*(Namespace(f"{prefix}-{role}") for role in ("client", "gateway", "upstream")))

    def add(self) -> None:
        """Builds all of it; on failure nothing is left."""
        try:
            self.gateway.add()
            self.surround()
        except LocalError:
            self.delete()
            raise

    def surround(self) -> None:
        """Builds both networks around a gateway's namespace that is there already; on failure nothing is left."""
        try:
            for each in (self.client, self.upstream):
                each.add()
            join(self.client, "eth0", self.gateway, "outside")
            join(self.upstream, "eth0", self.gateway, "core")
            self.client.address("eth0", f"{self.CLIENT_V4}/24", f"{self.CLIENT_V6}/64")
            self.gateway.address("outside", f"{self.GATEWAY_V4}/24", f"{self.GATEWAY_V6}/64")
            self.gateway.address("core", "198.51.100.1/24", "2001:db8:2::1/64")
            self.upstream.address("eth0", f"{self.UPSTREAM_V4}/24", f"{self.UPSTREAM_V6}/64")
            # the client's script pins a route to the gateway, for which it wants a default route
            self.client.route("default", self.GATEWAY_V4)
            self.client.run("ip", "-6", "route", "add", "default", "via", self.GATEWAY_V6)
            self.upstream.route(self.INSIDE_V4, "198.51.100.1")
            self.upstream.run("ip", "-6", "route", "add", self.INSIDE_V6, "via", "2001:db8:2::1")
            self.gateway.sysctl("net.ipv4.ip_forward", "1")
            self.gateway.sysctl("net.ipv6.conf.all.forwarding", "1")
        except LocalError:
            self.delete()
            raise

    def settle(self) -> None:
        """Waits until IPv6 works everywhere: the kernel tells of a veth's carrier once a second. Raises LocalError."""
        devices = ((self.client, "eth0"), (self.gateway, "outside"), (self.gateway, "core"), (self.upstream, "eth0"))
        limit = time.monotonic() + SETTLE_SECONDS
        while not all(namespace.settled(device) for namespace, device in devices):
            if time.monotonic() > limit:
                raise LocalError(
                    f"no link-local addresses after {SETTLE_SECONDS} s: IPv6 is off in this kernel, or busy"
                )
            time.sleep(0.02)

    def delete(self) -> None:
        for each in (self.client, self.gateway, self.upstream):
            each.delete()
