# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests under way on one connection, or one UDP socket, to one server.

Owns their numbers, the pairing of replies, sending again (UDP alone, RFC 5080 section 2.2.1) and giving up. A reply
that proves nothing changes nothing: the request goes on waiting for the true one. Times are seconds of a steady clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from wolfguard.auth.radius import packet
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.auth.radius.protection import Protection, Sealed
from wolfguard.errors import LocalError, PeerError

PENDING_MAX: Final = 4096
FIRST_WAIT: Final = 1.0
"""Seconds until a datagram is sent again; doubled each time."""

_REPLIES: Final = {
    packet.ACCESS_REQUEST: (packet.ACCESS_ACCEPT, packet.ACCESS_REJECT, packet.ACCESS_CHALLENGE),
    packet.ACCOUNTING_REQUEST: (packet.ACCOUNTING_RESPONSE,),
    packet.STATUS_SERVER: (packet.ACCESS_ACCEPT, packet.ACCOUNTING_RESPONSE),
}
Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Answered(Generic[Ticket]):
    ticket: Ticket
    reply: Packet


@dataclass(frozen=True, slots=True)
class Silent(Generic[Ticket]):
    """No true reply came in time."""

    ticket: Ticket


@dataclass(slots=True)
class _Pending(Generic[Ticket]):
    ticket: Ticket
    code: int
    sealed: Sealed
    deadline: float
    again: float
    wait: float


class Line(Generic[Ticket]):
    """`window`: seconds that a reply may take. `datagrams`: nobody else sends lost packets again."""

    def __init__(self, protection: Protection, *, window: float, datagrams: bool, first: int = 0) -> None:
        self._protection = protection
        self._window = window
        self._datagrams = datagrams
        self._next = first
        self._room = min(protection.numbers, PENDING_MAX)
        self._pending: OrderedDict[int, _Pending[Ticket]] = OrderedDict()

    @property
    def full(self) -> bool:
        return len(self._pending) >= self._room

    def __len__(self) -> int:
        return len(self._pending)

    def ask(self, ticket: Ticket, code: int, attributes: Attributes, nonce: bytes, now: float) -> bytes:
        """The bytes to send. Raises LocalError when the line is full or the packet is too long."""
        if self.full:
            raise LocalError("too many requests are under way on this connection")
        # The number that was free for longest: a late reply must not meet a new request.
        while self._next in self._pending:
            self._next = (self._next + 1) % self._protection.numbers
        sealed = self._protection.request(code, self._next, attributes, nonce)
        self._next = (self._next + 1) % self._protection.numbers
        again = now + FIRST_WAIT if self._datagrams else now + self._window
        self._pending[sealed.number] = _Pending(ticket, code, sealed, now + self._window, again, FIRST_WAIT)
        return sealed.data

    def receive(self, data: bytes) -> Answered[Ticket]:
        """One packet from the server. Raises PeerError with what is wrong with it; then nothing has changed."""
        reply = packet.decode(data)
        number = self._protection.number_of(reply)
        waiting = self._pending.get(number)
        if waiting is None:
            raise PeerError("radius_unasked", f"code {reply.code}")
        if reply.code == packet.PROTOCOL_ERROR:
            raise PeerError("radius_protocol_error", "the server does not take our requests")
        if reply.code not in _REPLIES.get(waiting.code, ()):
            raise PeerError("radius_code", f"code {reply.code} for a request of code {waiting.code}")
        proved = self._protection.check(reply, data, waiting.sealed)
        del self._pending[number]
        return Answered(waiting.ticket, proved)

    def forget(self, ticket: Ticket) -> None:
        """Nobody waits for it any more; its number stays taken until its time is over, so that a late reply finds
        no other request. Datagrams of it are not sent again."""
        for waiting in self._pending.values():
            if waiting.ticket == ticket:
                waiting.again = waiting.deadline

    def tick(self, now: float) -> tuple[list[bytes], list[Silent[Ticket]]]:
        """What to send again, and whose time is over."""
        send: list[bytes] = []
        silent: list[Silent[Ticket]] = []
        for number, waiting in list(self._pending.items()):
            if now >= waiting.deadline:
                del self._pending[number]
                silent.append(Silent(waiting.ticket))
            elif self._datagrams and now >= waiting.again:
                waiting.wait *= 2
                waiting.again = now + waiting.wait
                send.append(waiting.sealed.data)
        return send, silent

    def next_tick(self) -> float | None:
        """When `tick` has something to do."""
        return min((min(waiting.deadline, waiting.again) for waiting in self._pending.values()), default=None)

    def end(self) -> list[Silent[Ticket]]:
        """The connection has ended: all that waits has failed."""
        lost = [Silent(waiting.ticket) for waiting in self._pending.values()]
        self._pending.clear()
        return lost
