# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket to the kernel: batches of requests with their acknowledgements, and dumps.

The kernel handles a request while it is being sent, so an answer is there when `send` returns: calls block for
microseconds and need no event loop. Open the socket before the sandbox; afterwards it only sends and receives.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final, Self

from wolfguard.errors import LocalError
from wolfguard.linux import netlink
from wolfguard.linux.netlink import Acknowledgement, MalformedNetlinkError, Message, NetlinkError, Request

_SOL_NETLINK: Final = 270
_NETLINK_CAP_ACK: Final = 10
_NETLINK_EXT_ACK: Final = 11
_NETLINK_GET_STRICT_CHK: Final = 12
_BATCH: Final = 100
_RECEIVE_BYTES: Final = 1 << 16
_RECEIVE_BUFFER: Final = 4 << 20
_WAIT_SECONDS: Final = 10
_DUMP_ATTEMPTS: Final = 10

ROUTE: Final = 0  # NETLINK_ROUTE
NETFILTER: Final = 12  # NETLINK_NETFILTER


class DumpInterruptedError(LocalError):
    """The table changed while it was being read, again and again."""


class NetlinkSocket:
    """One protocol's socket. Not for several threads; one request or dump at a time."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        # A kernel time limit instead of Python's: settimeout() would need poll(2) in the sandbox.
        limit = struct.pack("@ll", _WAIT_SECONDS, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        if protocol == ROUTE:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        self._socket.bind((0, 0))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, requests: Sequence[Request]) -> dict[int, Acknowledgement]:
        """Carries out all requests in order and returns the refusals, by index; one refusal stops nobody else."""
        refused: dict[int, Acknowledgement] = {}
        for start in range(0, len(requests), _BATCH):
            self._execute_batch(requests[start : start + _BATCH], start, refused)
        return refused

    def do(self, what: str, request: Request, *, tolerate: Sequence[int] = ()) -> None:
        """Carries out one request; raises NetlinkError, whose text begins with `what`, unless tolerated."""
        for answer in self.execute([request]).values():
            if answer.code not in tolerate:
                raise NetlinkError(what, answer.code, answer.text)

    def _execute_batch(self, requests: Sequence[Request], start: int, refused: dict[int, Acknowledgement]) -> None:
        first = self._sequence + 1
        self._sequence += len(requests)
        last = self._sequence
        # Refusals are always reported; success is asked for once, at the end, and comes after all refusals.
        batch = [netlink.encode(request, first + index) for index, request in enumerate(requests[:-1])]
        batch.append(netlink.encode(requests[-1], last, netlink.ACK))
        self._socket.send(b"".join(batch))
        while True:
            for message in netlink.messages(self._receive()):
                if message.kind != netlink.KIND_ERROR:
                    continue
                answer = netlink.read_acknowledgement(message)
                if not first <= answer.sequence <= last:
                    continue  # of a request before, whose answer nobody waited for
                if answer.code:
                    refused[start + answer.sequence - first] = answer
                if answer.sequence == last:
                    return

    def dump(self, what: str, request: Request) -> list[Message]:
        """Everything the kernel lists for this request, from one consistent pass; raises NetlinkError."""
        for _ in range(_DUMP_ATTEMPTS):
            found: list[Message] = []
            consistent = True
            for part in self.dump_parts(what, request):
                found += (message for message in part if message.kind != netlink.KIND_DONE)
                consistent = consistent and not any(message.flags & netlink.DUMP_INTERRUPTED for message in part)
            if consistent:
                return found
        raise DumpInterruptedError(f"{what}: the kernel's table kept changing while it was read; try again")

    def dump_parts(self, what: str, request: Request) -> Iterator[list[Message]]:
        """As `dump`, a datagram at a time, the closing KIND_DONE included, whether or not the table has changed in
        between. Run it to its end before the next call."""
        self._sequence += 1
        sequence = self._sequence
        self._socket.send(netlink.encode(request, sequence, netlink.DUMP))
        while True:
            part: list[Message] = []
            for message in netlink.messages(self._receive()):
                if message.sequence != sequence:
                    continue
                if message.kind == netlink.KIND_ERROR:
                    answer = netlink.read_acknowledgement(message)
                    raise NetlinkError(what, answer.code, answer.text)
                part.append(message)
                if message.kind == netlink.KIND_DONE and (code := netlink.read_done(message)):
                    raise NetlinkError(what, code)
            yield part
            if part and part[-1].kind == netlink.KIND_DONE:
                return

    def _receive(self) -> bytes:
        while True:
            try:
                datagram, _ancillary, flags, address = self._socket.recvmsg(_RECEIVE_BYTES)
            except BlockingIOError as error:
                raise NetlinkError("netlink", errno.ETIMEDOUT, f"no answer in {_WAIT_SECONDS} s") from error
            if flags & socket.MSG_TRUNC:
                raise MalformedNetlinkError(f"netlink: an answer is longer than {_RECEIVE_BYTES} bytes")
            if address[0] == 0:  # only the kernel's own words count
                return datagram
