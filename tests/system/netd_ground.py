# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground of netd's tests: a gateway's namespace, which the test enters, and the world around it.

    clients (the test, through TUN descriptors) ── gateway ── core ── upstream host
                                                          └─ outside (the default route)

Both far ends are interfaces of one namespace. Nothing touches the namespace that the tests were started in.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

from tests.system import packets
from tests.system.packets import Packet
from wolfguard.config.site import Configuration, Firewall, Listener, Network, Site
from wolfguard.linux.namespace import Namespace, join
from wolfguard.linux.tun import VNET_HEADER_BYTES
from wolfguard.procs.netd.installation import Installation
from wolfguard.procs.netd.plan import make_plan

UPSTREAM4, UPSTREAM6 = "198.51.100.2", "2001:db8:2::2"
GATEWAY4, GATEWAY6 = "10.99.0.1", "fd99::1"
CLIENT4, CLIENT6 = "10.99.0.7", "fd99::7"
OTHER4 = "10.99.0.8"
ELSEWHERE4, ELSEWHERE6 = "192.0.2.77", "2001:db8:77::77"
_WAIT_SECONDS = 10
_CLONE_NEWNET = 0x40000000
_ALL_PROTOCOLS = 3  # ETH_P_ALL

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _enter(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


def configuration(firewall: Firewall | None = None, network: Network | None = None) -> Configuration:
    """Pools of both families, clients reached from everywhere unless a test says otherwise."""
    network = network or Network(ipv4_pool="10.99.0.0/16", ipv6_pool="fd99::/64", mtu=1400)
    site = Site(name="default", network=network, crypto=None)  # type: ignore[arg-type]
    firewall = firewall or Firewall(accept_from=("0.0.0.0/0", "::/0"))
    return Configuration(listeners=(Listener(),), sites=(site,), firewall=firewall)


class Wire:
    """One end of a link, as a capture: every IP packet that arrives there."""

    def __init__(self, device: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind((device, _ALL_PROTOCOLS))

    def until(self, wanted: Callable[[Packet], bool]) -> list[Packet]:
        """What arrived up to and including the wanted packet; fails when that does not come."""
        found: list[Packet] = []
        while True:
            ready, _, _ = select.select([self._socket], [], [], _WAIT_SECONDS)
            assert ready, f"the expected packet did not come; these did: {found}"
            data, address = self._socket.recvfrom(65536)
            packet = packets.read(data[14:])
            if packet is None or address[2] == socket.PACKET_OUTGOING:
                continue
            found.append(packet)
            if wanted(packet):
                return found

    def close(self) -> None:
        self._socket.close()


class Ground:
    """Namespaces, links and devices; `with` enters the gateway's namespace and leaves it again."""

    def __init__(self) -> None:
        self._home = f"/proc/{os.getpid()}/task/{os.getpid()}/ns/net"
        self._gateway = Namespace(f"wgnetd-{os.getpid()}-gw")
        self._world = Namespace(f"wgnetd-{os.getpid()}-up")
        self.tuns: list[int] = []
        self.now = 1000.0
        self._closing: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        self._home_descriptor = os.open(self._home, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for namespace in (self._gateway, self._world):
                namespace.add()
            join(self._gateway, "core", self._world, "eth0")
            join(self._gateway, "outside", self._world, "eth1")
            self._gateway.address("core", "198.51.100.1/24", "2001:db8:2::1/64")
            self._gateway.address("outside", "203.0.113.1/24", "2001:db8:1::1/64")
            self._world.address("eth0", f"{UPSTREAM4}/24", f"{UPSTREAM6}/64")
            self._world.address("eth1", "203.0.113.2/24", "2001:db8:1::2/64")
            self._gateway.run("ip", "route", "add", "default", "via", "203.0.113.2")
            self._gateway.run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::2")
            self._world.run("ip", "route", "add", "default", "via", "198.51.100.1")
            self._world.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
            # The far host's kernel stays silent: what tests say for it is all that it says.
            quiet = "table inet quiet { chain input { type filter hook input priority 0; meta l4proto udp drop; }; }"
            self._world.run("nft", quiet)
            _enter(f"/run/netns/{self._gateway.name}")
            self._raw4 = self.in_world(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
            self._raw6 = self.in_world(lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW))
            self._closing += [self._raw4.close, self._raw6.close]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for close in self._closing:
            close()
        self.close_tuns()
        _libc.setns(self._home_descriptor, _CLONE_NEWNET)
        os.close(self._home_descriptor)
        for namespace in (self._gateway, self._world):
            namespace.delete()

    def in_world(self, make: Callable[[], T]) -> T:
        """Runs `make` in the namespace around the gateway; what it opens stays there."""
        _enter(f"/run/netns/{self._world.name}")
        try:
            return make()
        finally:
            _enter(f"/run/netns/{self._gateway.name}")

    def capture(self, device: str) -> Wire:
        """A capture at the far end: "eth0" is the upstream host, "eth1" the end of the default route."""
        wire = self.in_world(lambda: Wire(device))
        self._closing.append(wire.close)
        return wire

    def open_tuns(self, count: int) -> list[int]:
        """What the supervisor does: descriptors of /dev/net/tun, closed at the end."""
        self.tuns = [os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC) for _ in range(count)]
        return self.tuns

    def close_tuns(self) -> None:
        for descriptor in self.tuns:
            os.close(descriptor)
        self.tuns = []

    def install(self, config: Configuration | None = None, slots: int = 2) -> Installation:
        """An installation over the open descriptors, or over new ones."""
        tuns = self.tuns or self.open_tuns(slots)
        installation = Installation(make_plan(config or configuration(), len(tuns)), lambda: self.now)
        self._closing.append(installation.close)
        installation.install(tuns)
        return installation

    # --- packets ----------------------------------------------------------------------------------------------------

    def from_client(self, slot: int, packet: bytes) -> None:
        """A packet that a worker takes out of a tunnel."""
        os.write(self.tuns[slot], bytes(VNET_HEADER_BYTES) + packet)

    def at_client(self, slot: int) -> Packet:
        """The next packet that a worker would send into a tunnel."""
        ready, _, _ = select.select([self.tuns[slot]], [], [], _WAIT_SECONDS)
        assert ready, "no packet came to the client"
        packet = packets.read(os.read(self.tuns[slot], 65536)[VNET_HEADER_BYTES:])
        assert packet is not None
        return packet

    def nothing_waits(self, slot: int) -> bool:
        return not select.select([self.tuns[slot]], [], [], 0)[0]

    def from_upstream(self, packet: bytes) -> None:
        parsed = packets.read(packet)
        assert parsed is not None
        if ":" in parsed.destination:
            self._raw6.sendto(packet, (parsed.destination, 0))
        else:
            self._raw4.sendto(packet, (parsed.destination, 0))


def run(*command: str) -> str:
    """A command in the namespace that the test is in."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sysctl(path: str) -> int:
    return int(Path("/proc/sys/net", path).read_text())


def snapshot() -> Sequence[str]:
    """Everything that a gateway might leave behind."""
    states = [
        run("ip", "-d", "link", "show"),
        run("ip", "address", "show"),
        run("ip", "-4", "route", "show", "table", "all"),
        run("ip", "-6", "route", "show", "table", "all"),
        run("nft", "-s", "list", "ruleset"),
    ]
    parameters = [f"{path}={sysctl(path)}" for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding")]
    return [*states, *parameters]
