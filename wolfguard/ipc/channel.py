# SPDX-License-Identifier: GPL-3.0-or-later
"""One channel between two processes: typed requests, notices and descriptors over a SOCK_SEQPACKET socket, on asyncio.

Owns framing, matching of answers, time limits and bounds. Must not know what messages mean; who may send them is
`ipc.dispatch`. The other end may be captured: whatever it sends is checked, and the first thing that it may not send
ends the channel and is reported, so that its owner can have the offender ended.

Handlers run as tasks of their own, begun in the order of arrival. Everything that the other end can make grow is
bounded by `Bounds`: requests in progress are answered "busy" past it, an unread queue or unanswered requests past it
end the channel as stalled.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wolfguard.errors import LocalError, PeerError
from wolfguard.ipc import codec, packet
from wolfguard.ipc.dispatch import SERVING, TABLE, Dispatch
from wolfguard.ipc.errors import IpcClosed, IpcError, IpcTimeout
from wolfguard.ipc.messages import Message, Notice, Reply, Request
from wolfguard.ipc.packet import Kind

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds for an answer, unless the caller says otherwise."""

CLOSED: Final = "closed"
"""Reported when this side closed the channel."""
END: Final = "end"
"""Reported when the other process closed it or died."""

_DATAGRAMS_A_TURN = 16


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a message: `slot` tells workers apart. The handler owns (and closes) the `descriptors`."""

    process: str
    slot: int
    descriptors: tuple[int, ...] = ()


Handler = Callable[[Any, Sender], Awaitable[Reply | None]]
Ended = Callable[["Channel", str, str], None]
"""Called once with the channel, a label (CLOSED, END or the label of the offence) and a detail."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Numbers of messages and bytes that one channel may hold."""

    asked: int = 4096
    unanswered: int = 1024
    handled: int = 4096
    queued: int = 8192
    queued_bytes: int = 16 * 1024 * 1024


@dataclass(slots=True)
class _Queued:
    data: bytes
    descriptors: list[int] = field(default_factory=list)


class Channel:
    """`here` and `peer` are process names; `slot` is the peer's. The socket passes into the channel's ownership.

    `handlers` must cover what the table lets the peer send. `state` is what the table is asked with; the owner
    moves it on, or has the arrival of a message do it (`advance`), which what lies behind that message already meets.
    Must be made in a running loop.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        here: str,
        peer: str,
        slot: int = 0,
        handlers: Mapping[type[Message], Handler],
        ended: Ended,
        state: str = SERVING,
        advance: Mapping[type[Message], str] | None = None,
        dispatch: Dispatch = TABLE,
        bounds: Bounds | None = None,
    ) -> None:
        missing = dispatch.receivable(peer, here) - handlers.keys()
        if missing:
            names = ", ".join(sorted(kind.__name__ for kind in missing))
            raise LocalError(f"{here} has no handler for what {peer} may send: {names}")
        self.here = here
        self.peer = peer
        self.slot = slot
        self.state = state
        self._advance = dict(advance or {})
        self._handlers = dict(handlers)
        self._ended = ended
        self._dispatch = dispatch
        self._bounds = bounds or Bounds()
        self._asked: dict[int, tuple[type[Reply], asyncio.Future[Reply]]] = {}
        self._unanswered: set[int] = set()
        self._last_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._flushed: asyncio.Event = asyncio.Event()
        self._flushed.set()
        self._socket: socket.socket | None = sock
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._on_readable)

    @property
    def closed(self) -> bool:
        return self._socket is None

    # --- what the owner calls ---------------------------------------------------------------------------------------

    async def request(
        self, message: Request, *, timeout: float = DEFAULT_TIMEOUT, descriptors: Sequence[int] = ()
    ) -> Any:
        """Asks, and returns an instance of the message's `reply`. `timeout` in seconds; descriptors stay the caller's.

        Raises IpcError (the other side said no, or "busy" here), IpcTimeout, IpcClosed, and LocalError when the
        dispatch table does not let this process ask that.
        """
        self._check_outgoing(message, descriptors)
        if len(self._asked) >= self._bounds.asked:
            raise IpcError("busy", f"{len(self._asked)} requests to {self.peer} wait for answers already")
        self._last_id += 1
        number = self._last_id
        data = packet.request(number, message)
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._asked[number] = (message.reply, future)
        try:
            self._send(data, descriptors)
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise IpcTimeout(f"{self.peer} did not answer {type(message).__name__} in {timeout:g} s") from None
        finally:
            left = self._asked.pop(number, None) is not None and (future.cancelled() or not future.done())
            if left and not self.closed:
                self._forget(number)

    def notify(self, message: Notice, *, descriptors: Sequence[int] = ()) -> None:
        """Sends without waiting. Descriptors stay the caller's. Raises IpcClosed, LocalError as `request`."""
        self._check_outgoing(message, descriptors)
        self._send(packet.notice(message), descriptors)

    async def flushed(self) -> None:
        """Returns when everything sent so far has left this process, or the channel has ended."""
        await self._flushed.wait()

    def close(self) -> None:
        """Ends the channel: unanswered requests raise IpcClosed; running handlers go on, their answers are dropped."""
        self._end(CLOSED, "")

    # --- sending ----------------------------------------------------------------------------------------------------

    def _check_outgoing(self, message: Message, descriptors: Sequence[int]) -> None:
        if self.closed:
            raise IpcClosed(f"the channel to {self.peer} has ended")
        name = type(message).__name__
        permit = self._dispatch.permit(self.here, self.peer, name, self.state)
        if permit is None or (descriptors and not permit.descriptors):
            what = f"{name} with descriptors" if permit else name
            raise LocalError(f"{self.here} may not send {what} to {self.peer} while {self.state}: see processes.yml")

    def _send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        if self._socket is None:
            raise IpcClosed(f"the channel to {self.peer} has ended")
        if self._queue or not self._transmit(data, descriptors):
            self._enqueue(data, descriptors)

    def _transmit(self, data: bytes, descriptors: Sequence[int]) -> bool:
        """True when the datagram is out of our hands (or the channel is dead), False when the socket is full."""
        if self._socket is None:
            return True
        try:
            packet.send(self._socket, data, descriptors)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(END, error.strerror or "")
        return True

    def _enqueue(self, data: bytes, descriptors: Sequence[int]) -> None:
        if self._socket is None:
            return
        bounds = self._bounds
        if len(self._queue) >= bounds.queued or self._queued_bytes + len(data) > bounds.queued_bytes:
            self._end("ipc_stalled", f"{self.peer} leaves {len(self._queue)} messages unread")
            return
        if not self._queue:
            self._flushed.clear()
            self._loop.add_writer(self._socket.fileno(), self._on_writable)
        self._queue.append(_Queued(data, [os.dup(descriptor) for descriptor in descriptors]))
        self._queued_bytes += len(data)

    def _on_writable(self) -> None:
        while self._queue and self._socket is not None:
            head = self._queue[0]
            if not self._transmit(head.data, head.descriptors):
                return
            if self._queue:
                self._queue.popleft()
                self._queued_bytes -= len(head.data)
                packet.close_all(head.descriptors)
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
        self._flushed.set()

    def _forget(self, number: int) -> None:
        """A request whose caller gave up: its late answer is no offence, but a peer that never answers is stalled."""
        self._unanswered.add(number)
        if len(self._unanswered) > self._bounds.unanswered:
            self._end("ipc_stalled", f"{self.peer} left {len(self._unanswered)} requests unanswered")

    # --- receiving --------------------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        for _ in range(_DATAGRAMS_A_TURN):
            if self._socket is None:
                return
            descriptors: list[int] = []
            try:
                data = packet.receive(self._socket, descriptors)
                if not data:
                    self._end(END, "")
                    return
                self._take(data, descriptors)
            except BlockingIOError:
                return
            except PeerError as error:
                packet.close_all(descriptors)
                self._end(error.label, error.detail)
            except OSError as error:
                packet.close_all(descriptors)
                self._end(END, error.strerror or "")

    def _take(self, data: bytes, descriptors: list[int]) -> None:
        kind, number, head, body = packet.parse(data)
        if kind in (Kind.REPLY, Kind.ERROR):
            if descriptors:
                raise PeerError("ipc_forbidden", "descriptors with an answer")
            self._take_answer(kind, number, head, body)
            return
        permit = self._dispatch.permit(self.peer, self.here, head, self.state)
        # The kind on the wire must be the kind of the class: a request sent as a notice would never be answered.
        if permit is None or issubclass(permit.kind, Request) != (kind is Kind.REQUEST):
            raise PeerError("ipc_forbidden", f"{kind.name.lower()} {head[:40]!r} while {self.state}")
        if descriptors and not permit.descriptors:
            raise PeerError("ipc_forbidden", f"descriptors with {head}")
        message = codec.from_json(permit.kind, body)
        handler = self._handlers[permit.kind]
        if len(self._tasks) >= self._bounds.handled:
            self._refuse(kind, number, descriptors)
            return
        self.state = self._advance.get(permit.kind, self.state)
        sender = Sender(self.peer, self.slot, tuple(descriptors))
        task = self._loop.create_task(self._handle(handler, message, sender, number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse(self, kind: Kind, number: int, descriptors: list[int]) -> None:
        packet.close_all(descriptors)
        if kind is Kind.NOTICE:
            raise PeerError("ipc_flood", f"{len(self._tasks)} messages are being handled")
        self._answer(packet.error(number, IpcError("busy", f"{self.here} handles {len(self._tasks)} requests already")))

    def _take_answer(self, kind: Kind, number: int, head: str, body: Any) -> None:
        if number in self._unanswered:
            self._unanswered.discard(number)
            return
        reply, future = self._asked.get(number, (None, None))
        if reply is None or future is None or (future.done() and not future.cancelled()):
            raise PeerError("ipc_forbidden", "an answer that nobody asked for")
        if future.cancelled():
            # The caller gave up in this very turn of the loop and has not run yet.
            del self._asked[number]
            return
        if kind is Kind.ERROR:
            future.set_exception(packet.parse_error(head, body))
            return
        if head != reply.__name__:
            raise PeerError("ipc_forbidden", f"the answer is not {reply.__name__}")
        future.set_result(codec.from_json(reply, body))

    async def _handle(self, handler: Handler, message: Message, sender: Sender, number: int) -> None:
        expected = message.reply if isinstance(message, Request) else None
        try:
            reply = await handler(message, sender)
            if expected is None:
                return
            if type(reply) is not expected:
                raise LocalError(f"the handler of {type(message).__name__} must answer {expected.__name__}")
            data = packet.reply(number, reply)
        except IpcError as error:
            data = packet.error(number, error)
        except PeerError as error:
            data = packet.error(number, IpcError(error.label, error.detail))
        except Exception:
            log.exception("ipc_handler_failed message=%s peer=%s", type(message).__name__, self.peer)
            data = packet.error(number, IpcError("internal", f"{self.here} failed; its log says where"))
        if expected is not None:
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        if not self.closed:
            self._send(data)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self, label: str, detail: str) -> None:
        sock, self._socket = self._socket, None
        if sock is None:
            return
        self._loop.remove_reader(sock.fileno())
        self._loop.remove_writer(sock.fileno())
        sock.close()
        for queued in self._queue:
            packet.close_all(queued.descriptors)
        self._queue.clear()
        self._flushed.set()
        for _, future in list(self._asked.values()):
            if not future.done():
                future.set_exception(IpcClosed(f"the channel to {self.peer} ended before the answer"))
        # Handlers that run go on: what the other end asked for in good order is not left half done. Their answers drop.
        self._ended(self, label, detail)
