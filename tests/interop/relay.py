# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad network between a client and a gateway: a namespace in the middle whose two ends are joined frame by frame.

Frames keep their addresses, so the gateway sees its client's own and TCP and UDP of one client still meet. Not every
kernel that the tests run on has netem or nfqueue; packet sockets they have. Owns the middle namespace and the thread
that carries frames; what happens to them is `disturbance`.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import selectors
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass

from tests.interop.disturbance import CLEAR, Direction, Weather
from tests.interop.raw import inside
from wolfguard.linux.namespace import Namespace, Topology, join

NEAR, FAR = "near", "far"
FRAME = 65550
# linux/if_packet.h, linux/socket.h, linux/sockios.h, linux/ethtool.h
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_RCVBUFFORCE = 33
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
BUFFER = 8 << 20
IDLE = 0.02


def insert(topology: Topology) -> Namespace:
    """Puts a namespace between client and gateway, before anything runs there. The client keeps its `eth0`, the gateway
    gets a new `outside` with the same addresses."""
    middle = Namespace(f"{topology.gateway.name}-middle")
    middle.delete()
    middle.add()
    # nobody may speak here but the frames that pass
    middle.sysctl("net.ipv6.conf.default.disable_ipv6", "1")
    topology.gateway.run("ip", "link", "set", "outside", "netns", middle.name, "name", NEAR)
    middle.run("ip", "link", "set", NEAR, "up")
    join(middle, FAR, topology.gateway, "outside")
    topology.gateway.address("outside", f"{Topology.GATEWAY_V4}/24", f"{Topology.GATEWAY_V6}/64")
    whole_frames(topology.client, "eth0")
    whole_frames(topology.gateway, "outside")
    return middle


def whole_frames(namespace: Namespace, device: str) -> None:
    """Without checksum offload the kernel also cuts super-packets before they leave: each datagram is one frame."""
    value = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", device.encode(), ctypes.addressof(value))
    with inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)


@dataclass
class Relay:
    """Runs from start() to stop(), which also removes the namespace. Weather may change at any time."""

    middle: Namespace
    up: Direction
    down: Direction

    @classmethod
    def between(cls, topology: Topology, seed: int = 1) -> Relay:
        return cls(insert(topology), Direction(seed), Direction(seed + 1))

    def start(self) -> None:
        with inside(self.middle):
            self._near, self._far = packet_socket(NEAR), packet_socket(FAR)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)
        self._near.close()
        self._far.close()
        self.middle.delete()

    def weather(self, up: Weather = CLEAR, down: Weather | None = None) -> None:
        """The same both ways, unless `down` is told too."""
        self.up.begin(up)
        self.down.begin(up if down is None else down)

    def counts(self) -> Counter[str]:
        return self.up.counts + self.down.counts

    def _run(self) -> None:
        ways = {self._near: (self.up, self._far), self._far: (self.down, self._near)}
        with selectors.DefaultSelector() as selector:
            for end in ways:
                selector.register(end, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(IDLE)]
                if self._wake in ready:
                    return
                for end, (direction, other) in ways.items():
                    if end in ready:
                        carry(end, direction, other)
                    else:
                        send(other, direction.idle())


def packet_socket(device: str) -> socket.socket:
    """Bound to a device, hearing all that arrives there and nothing that leaves."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    made.bind((device, 0x0003))  # ETH_P_ALL
    made.setblocking(False)
    return made


def carry(end: socket.socket, direction: Direction, other: socket.socket) -> None:
    """What one end has received, at most a batch of it, to the other."""
    for _ in range(64):
        try:
            frame = end.recv(FRAME)
        except BlockingIOError:
            return
        send(other, direction.passes(frame))


def send(end: socket.socket, frames: list[bytes]) -> None:
    for frame in frames:
        try:
            end.send(frame)
        except OSError:
            # the other side's device is full or gone: a network loses such frames
            return
