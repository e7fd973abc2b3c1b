# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to one RADIUS server: made when they are needed, kept while they are good, over TLS or UDP.

Owns sockets, waiting and the clock around `auth.radius.line`. A link that fails tells everybody who waits on it, at
once; who asks next gets a new one. Must not know what requests mean, nor other servers.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from typing import Final

from wolfguard.auth.radius import dynamic, packet
from wolfguard.auth.radius.line import Line
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.auth.radius.protection import RADSEC, Historic, Protection, Token
from wolfguard.crypto.client import ClientSettings, SignChannel, TlsClient
from wolfguard.crypto.random import random_bytes
from wolfguard.errors import PeerError
from wolfguard.ipc.orders import RESOURCES
from wolfguard.procs.authd.orders import Orders
from wolfguard.procs.log import Log
from wolfguard.secret import Secret

RADIUS_1_1: Final = "radius/1.1"
RADIUS_1_0: Final = "radius/1.0"
READ_BYTES: Final = 65536
BAD_PACKETS_MAX: Final = 64
"""Of a TLS server that sends what it must not; then its connection ends. Datagrams anybody can forge."""

log = Log(__name__)
Build = Callable[[Protection], Attributes]


class Unanswered(Exception):  # noqa: N818 - what did not happen, not a fault
    """No true reply; `label` says why, `at_once` that there is no connection at all."""

    def __init__(self, label: str, *, at_once: bool = False) -> None:
        super().__init__(label)
        self.label = label
        self.at_once = at_once


class Link(abc.ABC):
    """One socket to one server, and the requests under way on it."""

    def __init__(self, name: str, address: str, port: int, window: float) -> None:
        self.name = name
        self._end = (address, port)
        self._window = window
        self._socket: socket.socket | None = None
        self._line: Line[int] | None = None
        self._protection: Protection | None = None
        self._waiting: dict[int, asyncio.Future[Packet]] = {}
        self._tickets = itertools.count()
        self._freed = asyncio.Event()
        self._ended = "closed"
        self._opening: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = "closed"

    async def ask(self, code: int, build: Build) -> Packet:
        """The reply. Raises Unanswered, and LocalError for a request that does not fit into a packet."""
        try:
            async with asyncio.timeout(self._window):
                await self._ready()
                while self._line is not None and self._line.full:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            raise Unanswered("timeout", at_once=self._line is None) from None
        line, protection = self._line, self._protection
        if line is None or protection is None:
            # It has ended as soon as it stood; why, whoever ended it knew.
            raise Unanswered(self._ended)
        loop = asyncio.get_running_loop()
        ticket = next(self._tickets)
        waiting: asyncio.Future[Packet] = loop.create_future()
        data = line.ask(ticket, code, build(protection), random_bytes(16), loop.time())
        self._waiting[ticket] = waiting
        try:
            self._send(data)
            self._set_timer()
            return await waiting
        finally:
            self._waiting.pop(ticket, None)
            line.forget(ticket)

    def close(self, label: str = "closed") -> None:
        """Ends the connection; all that waits on it, or comes too late for it, fails with this label."""
        self._ended = label
        reader, self._reader = self._reader, None
        if reader is not None and reader is not asyncio.current_task():
            reader.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            with contextlib.suppress(ValueError, OSError):
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._socket)
                loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None
        self._line = None
        self._freed.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unanswered(label))

    @abc.abstractmethod
    async def _open(self) -> None:
        """Connects; sets `_socket`, `_protection`, `_line`. Raises Unanswered."""

    @abc.abstractmethod
    def _send(self, data: bytes) -> None: ...

    @abc.abstractmethod
    async def _receive(self) -> None:
        """Reads until the connection ends."""

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        """One opening serves all who come meanwhile; who leaves does not take it along."""
        if self._line is not None:
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open_in_time())
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._opening)

    async def _open_in_time(self) -> None:
        try:
            async with asyncio.timeout(self._window):
                await self._open()
        except TimeoutError:
            self.close("timeout")
            raise Unanswered("timeout", at_once=True) from None
        except OSError as error:
            self.close("unreachable")
            log.warning("radius_unreachable", server=self.name, reason=error.strerror or "")
            raise Unanswered("unreachable", at_once=True) from None
        except PeerError as error:
            self.close(error.label)
            log.warning("radius_refused", server=self.name, reason=error.label, detail=error.detail)
            raise Unanswered(error.label, at_once=True) from None
        except Exception:
            # A defect of ours: whoever asked hears of it, and the next one finds a connection to open.
            self.close("failed")
            raise
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            await self._receive()
        except PeerError as error:
            log.warning("radius_ended", server=self.name, reason=error.label)
            self.close(error.label)
        except OSError:
            self.close("unreachable")
        except Exception:
            log.exception("radius_reader", server=self.name)
            self.close("failed")

    def _take(self, data: bytes) -> None:
        """One packet. Raises PeerError for one that proves nothing."""
        if self._line is None:
            return
        answered = self._line.receive(data)
        waiting = self._waiting.get(answered.ticket)
        if waiting is not None and not waiting.done():
            waiting.set_result(answered.reply)
        self._freed.set()

    def _set_timer(self) -> None:
        if self._timer is not None or self._line is None:
            return
        due = self._line.next_tick()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._line is None:
            return
        again, silent = self._line.tick(asyncio.get_running_loop().time())
        for data in again:
            self._send(data)
        for each in silent:
            waiting = self._waiting.get(each.ticket)
            if waiting is not None and not waiting.done():
                waiting.set_exception(Unanswered("timeout"))
        if silent:
            self._freed.set()
        self._set_timer()

    def _made_socket(self, kind: socket.SocketKind) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._end[0] else socket.AF_INET
        made = socket.socket(family, kind)
        made.setblocking(False)
        self._socket = made
        return made


class UdpLink(Link):
    """Historic RADIUS over UDP. NOT APPROVED."""

    def __init__(self, name: str, address: str, port: int, window: float, secret: Secret) -> None:
        super().__init__(name, address, port, window)
        self._secret = secret

    async def _open(self) -> None:
        made = self._made_socket(socket.SOCK_DGRAM)
        await asyncio.get_running_loop().sock_connect(made, self._end)
        self._protection = Historic(self._secret)
        self._line = Line(self._protection, window=self._window, datagrams=True, first=random_bytes(1)[0])

    def _send(self, data: bytes) -> None:
        if self._socket is not None:
            # What the kernel does not take now is sent again later, like what the network loses.
            with contextlib.suppress(OSError):
                self._socket.send(data)

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        while self._socket is not None:
            data = await loop.sock_recv(self._socket, packet.LENGTH_MAX + 1)
            try:
                self._take(data)
            except PeerError as error:
                log.warning("radius_packet", server=self.name, reason=error.label)


class TlsLink(Link):
    """RADIUS/1.1, or where the settings offer it and the server knows nothing better, RADIUS/1.0, over TLS."""

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        window: float,
        settings: ClientSettings,
        keyd: SignChannel,
        orders: Orders | None = None,
    ) -> None:
        super().__init__(name, address, port, window)
        self._settings = settings
        self._keyd = keyd
        self._orders = orders
        self._obeying: set[asyncio.Task[None]] = set()
        self._tls: TlsClient | None = None
        self._writing = False

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        made = self._made_socket(socket.SOCK_STREAM)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(made, self._end)
        tls = TlsClient(self._settings, self._keyd)
        try:
            while (done := tls.handshake()) is None:
                await self._flush(tls)
                data = await loop.sock_recv(made, READ_BYTES)
                if not data:
                    raise PeerError("tls_closed")
                tls.feed(data)
        except PeerError:
            with contextlib.suppress(OSError):
                await self._flush(tls)
            raise
        await self._flush(tls)
        # A server that names no protocol knows RADIUS/1.0 alone (RFC 9765 section 3.3).
        protocol = done[0] or RADIUS_1_0
        if protocol not in self._settings.protocols:
            raise PeerError("tls_protocol")
        log.info("radius_connected", server=self.name, protocol=protocol, suite=done[1])
        self._protection = Token() if protocol == RADIUS_1_1 else Historic(RADSEC)
        self._tls = tls
        self._line = Line(self._protection, window=self._window, datagrams=False)

    def _take(self, data: bytes) -> None:
        """Also what the server orders, on the connection that we have opened (draft-ietf-radext-reverse-coa)."""
        if self._orders is None or self._protection is None or data[0] not in dynamic.CODES:
            super()._take(data)
            return
        protection, orders = self._protection, self._orders
        try:
            request = protection.accept(data)
        except PeerError as error:
            orders.refuse(self.name, error.label)
            raise
        if not orders.admit(self.name):
            code, attributes = dynamic.answer(request, RESOURCES)
            self._send(protection.answer(code, request, attributes))
            return
        task = asyncio.create_task(self._obey(orders, protection, request))
        self._obeying.add(task)
        task.add_done_callback(self._obeying.discard)

    async def _obey(self, orders: Orders, protection: Protection, request: Packet) -> None:
        code, attributes = await orders.obey(self.name, request)
        # On another connection nobody waits for it.
        if self._protection is protection and self._line is not None:
            self._send(protection.answer(code, request, attributes))

    def close(self, label: str = "closed") -> None:
        if self._tls is not None and self._socket is not None and label == "closed":
            self._tls.close()
            with contextlib.suppress(OSError):
                self._socket.send(self._tls.pending())
        self._tls = None
        self._writing = False
        super().close(label)

    def _send(self, data: bytes) -> None:
        try:
            if self._tls is None or not self._tls.write(data):
                # The server takes nothing: it is as good as silent, and so is its connection.
                self.close("timeout")
                return
            self._write_on()
        except PeerError as error:
            self.close(error.label)

    def _write_on(self) -> None:
        loop = asyncio.get_running_loop()
        if self._tls is None or self._socket is None:
            return
        pending = self._tls.pending()
        try:
            count = self._socket.send(pending) if pending else 0
        except BlockingIOError:
            count = 0
        except OSError:
            self.close("unreachable")
            return
        self._tls.sent(count)
        left = count < len(pending)
        if left != self._writing:
            self._writing = left
            if left:
                loop.add_writer(self._socket, self._write_on)
            else:
                loop.remove_writer(self._socket)

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        buffer = bytearray()
        bad = 0
        while self._socket is not None and self._tls is not None:
            data = await loop.sock_recv(self._socket, READ_BYTES)
            if not data or self._tls is None:
                raise PeerError("tls_closed")
            self._tls.feed(data)
            while self._tls is not None and (plain := self._tls.read()) is not None:
                buffer += plain
                for each in packet.split(buffer):
                    try:
                        self._take(each)
                    except PeerError as error:
                        log.warning("radius_packet", server=self.name, reason=error.label)
                        bad += 1
                        if bad > BAD_PACKETS_MAX:
                            raise
            self._write_on()

    async def _flush(self, tls: TlsClient) -> None:
        pending = tls.pending()
        if pending and self._socket is not None:
            await asyncio.get_running_loop().sock_sendall(self._socket, pending)
            tls.sent(len(pending))
