# SPDX-License-Identifier: GPL-3.0-or-later
"""Records that are forged, said again or sent from elsewhere: counted by their names, answered by nobody, and the
client whose records they were does not notice."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.interop.conftest import PASSWORD, Field
from tests.interop.hostile import hellos
from tests.interop.hostile.conftest import Counted
from tests.interop.hostile.raw_datagrams import Datagrams, Member
from tests.interop.hostile.wire import Forger, Seen, tapped
from tests.interop.pings import pings
from wolfguard.cli.demo.client import Client
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology

# its gateways have profiles with hybrid groups
pytestmark = pytest.mark.needs_mlkem

AGAIN = 20
# further than the pings get, and within what a peer may leave out
AHEAD = 500
LINK = "drop_inner_source"
ELSEWHERE = "203.0.113.99"


def is_data(payload: bytes) -> bool:
    return payload[0] == hellos.DATA and payload[3:5] == b"\x00\x01"


def forgeries(seen: Seen) -> Iterator[bytes]:
    """A record of the client with another number, and one more change each."""
    number = int.from_bytes(seen.payload[5:11], "big") + AHEAD
    ahead = seen.payload[:5] + number.to_bytes(6, "big") + seen.payload[11:]
    yield ahead
    for place in (hellos.RECORD_HEAD, hellos.RECORD_HEAD + 9, -1):
        changed = bytearray(ahead)
        changed[place] ^= 1
        yield bytes(changed)
    yield bytes([hellos.ALERT]) + ahead[1:]


def test_forged(patient: Field, live: Client, forger: Forger) -> None:
    """A forgery neither ends the association nor moves the window for what follows."""
    inside = patient.topology.client
    ping(inside, Topology.UPSTREAM_V4)
    counted = Counted(patient, LINK)
    forged = 0
    with pings(inside, Topology.UPSTREAM_V4, count=AGAIN * 3) as stream, tapped(inside) as tap:
        for _ in range(AGAIN):
            seen = tap.await_one(is_data)
            for payload in forgeries(seen):
                forger.send(payload, seen.source, seen.port)
                forged += 1
        answers = stream.answers()
    assert (answers.lost, answers.repeated) == (0, 0)
    counted.await_only(drop_datagram_forged=forged)


def test_replayed(patient: Field, live: Client, forger: Forger) -> None:
    """From the client's own port, from another port of its address, as if it had been rebound, and from elsewhere."""
    inside = patient.topology.client
    ping(inside, Topology.UPSTREAM_V4)
    counted = Counted(patient, LINK)
    with pings(inside, Topology.UPSTREAM_V4, count=AGAIN * 3) as stream, tapped(inside) as tap:
        stream.await_answers(1)
        for _ in range(AGAIN):
            seen = tap.await_one(is_data)
            # the next one shows that this one has been heard
            tap.await_one(is_data)
            forger.send(seen.payload, seen.source, seen.port)
            forger.send(seen.payload, seen.source, seen.port ^ 1)
            forger.send(seen.payload, ELSEWHERE, seen.port)
        answers = stream.answers()
    assert (answers.lost, answers.repeated) == (0, 0)
    counted.await_only(drop_datagram_replayed=AGAIN, drop_datagram_unknown=2 * AGAIN)


def test_handshake_replayed(patient: Field, clients: list[Client], forger: Forger) -> None:
    """All that a client has said in its handshake, said again while its tunnel stands."""
    inside = patient.topology.client
    client = Client(inside, f"https://{Topology.GATEWAY_V4}", patient.site.authority, "alice", (PASSWORD,), dtls=True)
    clients.append(client)
    with tapped(inside) as tap:
        address = client.connect()
        client.wait_dtls()
        said = [tap.await_one(lambda payload: True)]
        while not is_data(said[-1].payload):
            said.append(tap.await_one(lambda payload: True))
    assert [each.payload[hellos.RECORD_HEAD] for each in said[:2]] == [hellos.CLIENT_HELLO] * 2
    ping(inside, Topology.UPSTREAM_V4)
    with pings(inside, Topology.UPSTREAM_V4, count=50) as stream:
        stream.await_answers(1)
        for each in said[:-1]:
            forger.send(each.payload, each.source, each.port)
            forger.send(each.payload, ELSEWHERE, each.port)
        answers = stream.answers()
    assert (answers.lost, answers.repeated) == (0, 0)
    assert patient.session(address)["datagram"] is not None


IN_THE_CLEAR = {
    "ccs": (hellos.CHANGE_CIPHER_SPEC, b"\x01"),
    "fatal": (hellos.ALERT, b"\x02\x28"),
    "close": (hellos.ALERT, b"\x01\x00"),
    "request": (hellos.HANDSHAKE, hellos.message(0, b"")),
    "done": (hellos.HANDSHAKE, hellos.message(hellos.SERVER_HELLO_DONE, b"")),
    "key-exchange": (hellos.HANDSHAKE, hellos.message(hellos.CLIENT_KEY_EXCHANGE, b"\x00\x03psk")),
    "finished": (hellos.HANDSHAKE, hellos.message(hellos.FINISHED, bytes(12), sequence=3)),
    "unknown": (hellos.HANDSHAKE, hellos.message(99, bytes(12), sequence=3)),
    "absurd": (hellos.HANDSHAKE, hellos.message(hellos.FINISHED, bytes(12), whole=0xFFFFFF, offset=0xFFFFF0)),
    "short": (hellos.HANDSHAKE, b"\x10"),
}


@pytest.mark.parametrize("name", IN_THE_CLEAR)
def test_in_the_clear_right_after_the_handshake(member: Member, name: str) -> None:
    """Where keys are in use, what anybody could have said from the peer's address means nothing."""
    kind, content = IN_THE_CLEAR[name]
    member.datagrams.socket.send(hellos.record(kind, content, number=20))
    member.ping()


def test_in_the_clear(member: Member) -> None:
    member.datagrams.echo()
    for number, (kind, content) in enumerate(IN_THE_CLEAR.values(), 20):
        member.datagrams.socket.send(hellos.record(kind, content, number=number))
        member.ping(number)


class Recording:
    """A socket that remembers what was sent on it."""

    def __init__(self, real: socket.socket) -> None:
        self.real, self.said = real, list[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def send(self, data: bytes) -> int:
        self.said.append(data)
        return self.real.send(data)


def test_hello_of_an_earlier_handshake(member: Member) -> None:
    """Its cookie is still good for this address and port; the association that stands is not given up for it."""
    first = member.datagrams
    recording = Recording(first.socket)
    for _ in range(2):
        time.sleep(0.3)  # the gateway's pause between two handshakes of a tunnel
        member.datagrams = Datagrams(recording, first.key, first.app_id)  # type: ignore[arg-type]
        member.datagrams.handshake()
        member.ping()
    time.sleep(0.3)
    first.socket.send(recording.said[1])
    first.socket.settimeout(1)
    member.ping()


SEALED_TOO_SHORT = [(kind, length) for kind in (hellos.ALERT, hellos.HANDSHAKE, hellos.DATA) for length in (1, 8, 23)]


def test_too_short_for_their_tag(patient: Field, member: Member) -> None:
    member.datagrams.echo()
    counted = Counted(patient)
    for kind, length in SEALED_TOO_SHORT:
        number = member.datagrams.number + AHEAD
        member.datagrams.socket.send(hellos.record(kind, bytes(length), epoch=1, number=number))
    member.datagrams.echo()
    counted.await_only(drop_datagram_forged=len(SEALED_TOO_SHORT))


def test_several_in_one_datagram(patient: Field, member: Member) -> None:
    """Good ones are taken whatever is beside them."""
    channel = member.datagrams
    channel.socket.send(channel.seal(b"\x03") + channel.seal(b"\x03") + hellos.record(hellos.ALERT, b"\x02\x28"))
    assert [channel.receive()[1] for _ in range(2)] == [b"\x04", b"\x04"]
    channel.echo()


def test_dead_session(patient: Field, member: Member) -> None:
    """Its records and its hello are a stranger's now."""
    channel = member.datagrams
    channel.echo()
    record = channel.seal(b"\x03")
    result = patient.site.wolfguard("disconnect", str(patient.session(member.inside)["session"]))
    assert result.returncode == 0, result.stderr
    with suppress(ConnectionError):
        while member.tls.more():
            pass
    drain(channel.socket)
    counted = Counted(patient)
    channel.socket.send(record)
    channel.socket.send(hellos.hello(channel.app_id))
    counted.await_only(drop_datagram_unknown=1, datagram_hello_unknown=1)
    assert drain(channel.socket) == 0


def drain(sock: socket.socket) -> int:
    """How many datagrams have come."""
    count = 0
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while sock.recv(65536):
            count += 1
    return count
