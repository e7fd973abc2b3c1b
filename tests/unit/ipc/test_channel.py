# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ends of a channel, and raw sockets in the place of an end that breaks the rules."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from wolfguard.errors import LocalError, PeerError
from wolfguard.ipc import packet
from wolfguard.ipc.channel import CLOSED, END, Bounds, Channel, Handler, Sender
from wolfguard.ipc.dispatch import NAMES, SERVING, STARTING, Dispatch
from wolfguard.ipc.errors import IpcClosed, IpcError, IpcTimeout
from wolfguard.ipc.life import Attach
from wolfguard.ipc.logins import LoginCancel, Logout
from wolfguard.ipc.management import ListUsers, ReadRecords, RecordBatch
from wolfguard.ipc.messages import Done, Message, Reply
from wolfguard.ipc.routes import DropRoutes, SetRoutes
from wolfguard.secret import Secret

ASK = ReadRecords(1, 2, 3)
TABLE = Dispatch(
    [
        ("left", "right", "ReadRecords", (SERVING,), False),
        ("left", "right", "LoginCancel", (SERVING,), False),
        ("left", "right", "Attach", (SERVING, STARTING), True),
        ("right", "left", "ListUsers", (SERVING,), False),
    ],
    NAMES,
)
HOLD = 5.0


class Ends:
    """Both channels, what the right one was asked, and how they ended."""

    def __init__(self) -> None:
        self.heard: list[tuple[Message, Sender]] = []
        self.ended: list[tuple[str, str, str]] = []
        self.left: Channel
        self.right: Channel
        self.raw: socket.socket
        self.answer: Callable[[Any], Any] = lambda message: RecordBatch((), message.after)
        self.over = asyncio.Event()

    def note_end(self, channel: Channel, label: str, detail: str) -> None:
        self.ended.append((channel.here, label, detail))
        self.over.set()

    async def hear(self, message: Any, sender: Sender) -> Reply | None:
        self.heard.append((message, sender))
        answer = self.answer(message)
        reply: Reply | None = await answer if asyncio.iscoroutine(answer) else answer
        return reply

    async def label(self) -> str:
        """How the first end to end did."""
        async with asyncio.timeout(HOLD):
            await self.over.wait()
        return self.ended[0][1]

    def make(self, here: str, sock: socket.socket, bounds: Bounds | None) -> Channel:
        handlers: Mapping[type[Message], Handler] = {
            ReadRecords: self.hear,
            LoginCancel: self.hear,
            Attach: self.hear,
            ListUsers: self.hear,
        }
        peer = "right" if here == "left" else "left"
        return Channel(
            sock,
            here=here,
            peer=peer,
            handlers=handlers,
            ended=self.note_end,
            advance={Attach: SERVING},
            dispatch=TABLE,
            bounds=bounds,
        )


@asynccontextmanager
async def joined(bounds: Bounds | None = None) -> AsyncIterator[Ends]:
    ends = Ends()
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends.left = ends.make("left", one, bounds)
    ends.right = ends.make("right", other, bounds)
    try:
        yield ends
    finally:
        ends.left.close()
        ends.right.close()


@asynccontextmanager
async def against_raw(here: str = "right", bounds: Bounds | None = None) -> AsyncIterator[Ends]:
    """Only one end is a channel; `raw` is the socket of the other."""
    ends = Ends()
    ends.raw, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = ends.make(here, other, bounds)
    ends.left = ends.right = channel
    with ends.raw:
        try:
            yield ends
        finally:
            channel.close()


def run(test: Any) -> None:
    asyncio.run(test())


def test_a_request_is_answered() -> None:
    async def test() -> None:
        async with joined() as ends:
            assert await ends.left.request(ASK) == RecordBatch((), 1)
            assert ends.heard == [(ASK, Sender("left", 0))]

    run(test)


def test_many_requests_are_matched_by_id() -> None:
    async def test() -> None:
        async with joined() as ends:
            gates = [asyncio.Event() for _ in range(50)]

            async def late(message: ReadRecords) -> RecordBatch:
                await gates[message.after].wait()
                return RecordBatch((), message.after)

            ends.answer = late
            asked = [asyncio.create_task(ends.left.request(ReadRecords(n, 0, 0))) for n in range(50)]
            for gate in reversed(gates):
                gate.set()
                await asyncio.sleep(0)
            assert [reply.last for reply in await asyncio.gather(*asked)] == list(range(50))

    run(test)


def test_more_than_the_socket_takes_is_queued_and_arrives() -> None:
    async def test() -> None:
        async with joined() as ends:
            ends.answer = lambda message: None
            for number in range(2000):
                ends.left.notify(LoginCancel(f"{number}-" + "x" * 1000))
            await ends.left.flushed()
            while len(ends.heard) < 2000:
                await asyncio.sleep(0)
            flows = [int(message.flow.split("-")[0]) for message, _ in ends.heard if isinstance(message, LoginCancel)]
            assert flows == list(range(2000))

    run(test)


def test_descriptors_travel_also_through_the_queue() -> None:
    async def test() -> None:
        async with joined() as ends:
            read, write = os.pipe()
            ends.answer = lambda message: None
            for _ in range(600):
                ends.left.notify(LoginCancel("x" * 1000))
            ends.left.notify(Attach("p", 0, "ipc"), descriptors=[write])
            os.close(write)
            while not isinstance(ends.heard[-1][0] if ends.heard else None, Attach):
                await asyncio.sleep(0)
            (received,) = ends.heard[-1][1].descriptors
            assert not os.get_inheritable(received)
            os.write(received, b"through")
            assert os.read(read, 10) == b"through"
            os.close(received)
            os.close(read)

    run(test)


def test_a_handlers_no_has_code_and_text() -> None:
    async def test() -> None:
        async with joined() as ends:

            async def refuse(message: Message) -> Reply:
                raise IpcError("denied", "not you")

            ends.answer = refuse
            with pytest.raises(IpcError) as caught:
                await ends.left.request(ASK)
            assert (caught.value.code, caught.value.text) == ("denied", "not you")

    run(test)


def test_a_failing_handler_says_internal_and_no_more() -> None:
    async def test() -> None:
        async with joined() as ends:

            async def fail(message: Message) -> Reply:
                raise ValueError("a secret value")

            ends.answer = fail
            with pytest.raises(IpcError, match="internal") as caught:
                await ends.left.request(ASK)
            assert "secret" not in str(caught.value)
            ends.answer = lambda message: Done()
            with pytest.raises(IpcError, match="internal"):
                await ends.left.request(ASK)

    run(test)


def test_a_handlers_peer_error_keeps_its_label() -> None:
    async def test() -> None:
        async with joined() as ends:

            async def blame(message: Message) -> Reply:
                raise PeerError("cookie", "dead")

            ends.answer = blame
            with pytest.raises(IpcError, match="cookie: dead"):
                await ends.left.request(ASK)

    run(test)


def test_an_answer_that_does_not_fit_is_an_error() -> None:
    async def test() -> None:
        async with joined() as ends:
            ends.answer = lambda message: RecordBatch(("x" * 70000,), 1)
            with pytest.raises(IpcError, match="too_large"):
                await ends.left.request(ASK)

    run(test)


def test_a_late_answer_is_ignored() -> None:
    async def test() -> None:
        async with joined() as ends:
            gate = asyncio.Event()

            async def late(message: ReadRecords) -> RecordBatch:
                await gate.wait()
                return RecordBatch((), 0)

            ends.answer = late
            with pytest.raises(IpcTimeout):
                await ends.left.request(ASK, timeout=0)
            cancelled = asyncio.create_task(ends.left.request(ASK))
            await asyncio.sleep(0)
            cancelled.cancel()
            gate.set()
            assert await ends.left.request(ASK) == RecordBatch((), 0)
            assert ends.ended == []

    run(test)


def test_a_dead_peer_ends_what_waits_for_it() -> None:
    async def test() -> None:
        async with against_raw("left") as ends:
            asked = asyncio.create_task(ends.left.request(ASK))
            await asyncio.sleep(0)
            ends.raw.close()
            with pytest.raises(IpcClosed):
                await asked
            assert await ends.label() == END
            assert ends.left.closed
            with pytest.raises(IpcClosed):
                ends.left.notify(LoginCancel(""))

    run(test)


def test_closing_ends_both_sides_once() -> None:
    async def test() -> None:
        async with joined() as ends:
            ends.left.close()
            ends.left.close()
            while len(ends.ended) < 2:
                await asyncio.sleep(0)
            assert ends.ended == [("left", CLOSED, ""), ("right", END, "")]

    run(test)


@pytest.mark.parametrize(
    ("datagram", "label"),
    [
        (b"no json", "ipc_malformed"),
        (b"{}", "ipc_malformed"),
        (b'["z",1,"ReadRecords",{}]', "ipc_malformed"),
        (b'["q",0,"ReadRecords",{"after":1,"limit":2,"wait":3}]', "ipc_malformed"),
        (b'["n",1,"LoginCancel",{"flow":""}]', "ipc_malformed"),
        (b'["q",1,"ReadRecords",{"after":1,"limit":2}]', "ipc_malformed"),
        (b'["q",true,"ReadRecords",{"after":1,"limit":2,"wait":3}]', "ipc_malformed"),
        (b'["q",1,"ListUsers",{"after":"","limit":2}]', "ipc_forbidden"),
        (b'["q",1,"Nonsense",{}]', "ipc_forbidden"),
        (b'["n",0,"ReadRecords",{"after":1,"limit":2,"wait":3}]', "ipc_forbidden"),
        (b'["q",1,"LoginCancel",{"flow":""}]', "ipc_forbidden"),
        (b'["r",1,"UserTable",{"users":[],"next":""}]', "ipc_forbidden"),
        (b'["e",1,"busy",""]', "ipc_forbidden"),
        (b" " * 61441, "ipc_oversized"),
    ],
)
def test_the_first_wrong_datagram_ends_the_channel(datagram: bytes, label: str) -> None:
    async def test() -> None:
        async with against_raw() as ends:
            ends.raw.send(datagram)
            assert await ends.label() == label
            assert ends.right.closed
            assert ends.heard == []

    run(test)


def test_a_state_that_does_not_permit() -> None:
    async def test() -> None:
        async with against_raw() as ends:
            ends.right.state = STARTING
            ends.raw.send(b'["n",0,"LoginCancel",{"flow":""}]')
            assert await ends.label() == "ipc_forbidden"

    run(test)


def test_what_lies_behind_a_message_that_advances_the_state_meets_the_new_one() -> None:
    async def test() -> None:
        async with against_raw() as ends:
            ends.right.state = STARTING
            ends.raw.send(b'["n",0,"Attach",{"peer":"a","slot":0,"kind":"ipc","index":0}]')
            ends.raw.send(b'["n",0,"LoginCancel",{"flow":""}]')
            ends.raw.shutdown(socket.SHUT_WR)
            assert await ends.label() == END
            assert [type(message) for message, _ in ends.heard] == [Attach, LoginCancel]

    run(test)


@pytest.mark.parametrize("body", [b'["r",1,"Done",{}]', b'["e",1,"busy",5]', b'["r",1,"RecordBatch",{}]'])
def test_a_wrong_answer_ends_the_channel(body: bytes) -> None:
    async def test() -> None:
        async with against_raw("left") as ends:
            asked = asyncio.create_task(ends.left.request(ASK))
            await asyncio.sleep(0)
            ends.raw.send(body)
            with pytest.raises(IpcClosed):
                await asked
            assert await ends.label() in ("ipc_forbidden", "ipc_malformed")

    run(test)


def test_descriptors_where_none_may_travel_are_closed() -> None:
    async def test() -> None:
        async with against_raw() as ends:
            read, write = os.pipe()
            socket.send_fds(ends.raw, [b'["n",0,"LoginCancel",{"flow":""}]'], [write])
            os.close(write)
            assert await ends.label() == "ipc_forbidden"
            assert os.read(read, 1) == b""
            os.close(read)

    run(test)


def test_too_many_requests_in_progress_are_answered_busy() -> None:
    async def test() -> None:
        async with joined(Bounds(handled=1)) as ends:
            gate = asyncio.Event()

            async def late(message: Message) -> Reply:
                await gate.wait()
                return RecordBatch((), 0)

            ends.answer = late
            first = asyncio.create_task(ends.left.request(ASK))
            while not ends.heard:
                await asyncio.sleep(0)
            with pytest.raises(IpcError, match="busy"):
                await ends.left.request(ASK)
            gate.set()
            assert await first == RecordBatch((), 0)

    run(test)


def test_a_flood_of_notices_ends_the_channel() -> None:
    async def test() -> None:
        async with joined(Bounds(handled=1)) as ends:
            ends.answer = lambda message: asyncio.sleep(HOLD)
            ends.left.notify(LoginCancel("1"))
            ends.left.notify(LoginCancel("2"))
            assert await ends.label() == "ipc_flood"

    run(test)


def test_own_requests_are_bounded() -> None:
    async def test() -> None:
        async with against_raw("left", Bounds(asked=1)) as ends:
            first = asyncio.create_task(ends.left.request(ASK))
            await asyncio.sleep(0)
            with pytest.raises(IpcError, match="busy"):
                await ends.left.request(ASK)
            first.cancel()

    run(test)


def test_a_peer_that_answers_nothing_is_stalled() -> None:
    async def test() -> None:
        async with against_raw("left", Bounds(unanswered=2)) as ends:
            for _ in range(3):
                with pytest.raises(IpcTimeout):
                    await ends.left.request(ASK, timeout=0)
            assert await ends.label() == "ipc_stalled"

    run(test)


def test_a_peer_that_reads_nothing_is_stalled() -> None:
    async def test() -> None:
        async with against_raw("left", Bounds(queued=3)) as ends:
            for _ in range(10000):
                if ends.left.closed:
                    break
                ends.left.notify(LoginCancel("x" * 1000))
            assert await ends.label() == "ipc_stalled"

    run(test)


@pytest.mark.parametrize(
    "message", [SetRoutes(()), DropRoutes(()), ListUsers("", 1), Logout(Secret(b"")), Attach("p", 0, "ipc")]
)
def test_what_may_not_be_sent_is_our_own_fault(message: Any) -> None:
    async def test() -> None:
        async with joined() as ends:
            if isinstance(message, Attach):
                ends.left.notify(message)
                with pytest.raises(LocalError, match="descriptors"):
                    ends.left.notify(LoginCancel(""), descriptors=[0])
            else:
                with pytest.raises(LocalError, match=type(message).__name__):
                    await ends.left.request(message)

    run(test)


def test_a_missing_handler_is_found_at_once() -> None:
    async def test() -> None:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with one, other, pytest.raises(LocalError, match="ListUsers"):
            Channel(one, here="left", peer="right", handlers={}, ended=lambda *_: None, dispatch=TABLE)

    run(test)


def test_an_error_text_that_is_no_unicode_is_still_sent() -> None:
    assert packet.parse(packet.error(1, IpcError("x", "\ud800" + "y" * 5000)))[3] == "?" + "y" * 1999


def test_last_words_of_a_dead_peer_are_heard() -> None:
    async def test() -> None:
        async with joined() as ends:
            gate = asyncio.Event()
            heard: list[str] = []

            async def slowly(message: LoginCancel) -> None:
                await gate.wait()
                heard.append(message.flow)

            ends.answer = slowly
            for number in range(40):
                ends.left.notify(LoginCancel(str(number)))
            ends.left.close()
            while len(ends.ended) < 2:
                await asyncio.sleep(0)
            gate.set()
            while len(heard) < 40:
                await asyncio.sleep(0)
            assert sorted(heard, key=int) == [str(number) for number in range(40)]

    run(test)
