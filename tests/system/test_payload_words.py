# SPDX-License-Identifier: GPL-3.0-or-later
"""An attacker in a worker speaks through what the worker holds by right: channels, and its TUN device.

The debugger makes the calls, as in `test_payload`; what stops them is at the other end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.interop.conftest import Field
from tests.system import packets
from tests.system.payload import words
from tests.system.payload.ground import values
from tests.system.payload.injection import SCRATCH, Answer, Call, inject
from tests.system.processes import edited, how_it_ended, pids, until_replaced
from tests.system.whole_gateway import Json, connect, sessions, until
from wolfguard.cli.demo.client import Client
from wolfguard.linux.namespace import Topology

VNET_HEADER = bytes(12)
REPLY_HEAD = 12
ROOM = SCRATCH + 4096
STRANGER = "192.0.2.77"
KEPT = ("session", "slot", "state", "datagram")


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(2))
    made.add_user("alice")
    yield made
    made.gateway.stop()


@pytest.fixture
def alice(field: Field, clients: list[Client]) -> Json:
    """Her session; her tunnel stands."""
    connect(field, clients, "alice")
    (session,) = sessions(field, "alice")
    return session


def said(kind: str, number: int, name: str, **fields: object) -> bytes:
    """A message of `ipc.packet`, made by hand: the worker's own code would refuse to."""
    return json.dumps([kind, number, name, fields]).encode()


def speak(field: Field, name: str, through: str, *messages: bytes) -> list[Answer]:
    """Writes to the first descriptor of this kind."""
    descriptor = values(field)(name)[through]
    writes: list[Call] = [("write", (descriptor, message, len(message))) for message in messages]
    return inject(pids(field)[name], writes)


def ends_its_worker(field: Field, through: str, message: bytes) -> None:
    name = "worker/0"
    pid = pids(field)[name]
    speak(field, name, through, message)
    assert how_it_ended(field, pid) == "was ended by SIGKILL"
    until_replaced(field, {name: pid})


def spoofed(field: Field) -> int:
    command = ("nft", "-j", "list", "counter", "inet", "wolfguard_gateway", "spoofed_by_client")
    listed = json.loads(field.topology.gateway.run(*command))["nftables"]
    return sum(int(entry["counter"]["packets"]) for entry in listed if "counter" in entry)


def epoch(field: Field) -> int:
    """Of the newest tunnel."""
    records = [json.loads(line) for line in field.events().splitlines()]
    opened = [record for record in records if record["event"] == "tunnel.opened"]
    return int(opened[-1]["fields"]["epoch"])


def packet(source: str) -> bytes:
    return VNET_HEADER + packets.udp(source, Topology.UPSTREAM_V4, b"forged")


@pytest.mark.parametrize(
    ("word", "through", "message"),
    [
        (words.FORGED_KIND, "ipc sessiond", said("n", 0, "Weakened", names=["no-landlock"])),
        (words.BROKEN_MESSAGE, "ipc sessiond", b"\xff\xfe not a message"),
        (words.FORGED_SHUTDOWN, "control", said("q", 1, "Shutdown")),
    ],
    ids=lambda value: value.name if isinstance(value, words.Word) else "",
)
def test_what_ends_the_worker(field: Field, word: words.Word, through: str, message: bytes) -> None:
    assert word.outcome == words.ENDED
    before = {name: pid for name, pid in pids(field).items() if name != "worker/0"}
    weakened = field.events().count("gateway.weakened")
    ends_its_worker(field, through, message)
    # ... and nobody else.
    assert {name: pid for name, pid in pids(field).items() if name != "worker/0"} == before
    assert field.events().count("gateway.weakened") == weakened


def test_forged_signature(field: Field) -> None:
    channel = values(field)("worker/1")["sign keyd"]
    request = b"sign this: " + bytes(64)
    answers = inject(
        pids(field)["worker/1"],
        [
            ("sendto", (channel, request, len(request), 0, 0, 0)),
            ("recvfrom", (channel, ROOM, 1024, 0, 0, 0)),
            ("recvfrom", (channel, ROOM, 1024, 0, 0, 0)),
        ],
    )
    # A reply without a signature, then the end of the channel.
    assert [each.result for each in answers] == [len(request), REPLY_HEAD, 0]


def test_a_siblings_tunnel(field: Field, alice: Json) -> None:
    attacker = f"worker/{1 - alice['slot']}"
    pid = pids(field)[attacker]
    claim = {"session": alice["session"], "epoch": epoch(field)}
    closed = said("n", 0, "TunnelClosed", **claim, reason="bye", user_left=True, detail="")
    speak(
        field,
        attacker,
        "ipc sessiond",
        closed,
        said("n", 0, "TunnelDatagram", **claim, state="up", suite="NULL", extended_master_secret=True, reason=""),
    )
    # sessiond takes messages in order: once it has answered, it has heard those.
    (after,) = sessions(field, "alice")
    assert {key: after[key] for key in KEPT} == {key: alice[key] for key in KEPT}
    assert pids(field)[attacker] == pid
    # From its own worker the same words count.
    speak(field, f"worker/{alice['slot']}", "ipc sessiond", closed)
    until(lambda: not sessions(field, "alice"), "the end of the session")


def test_a_forged_source(field: Field, alice: Json) -> None:
    owner, attacker = f"worker/{alice['slot']}", f"worker/{1 - alice['slot']}"
    before = spoofed(field)
    # Hers from her own device: nothing is wrong with it, so the counter can tell the difference.
    assert speak(field, owner, "tun", packet(alice["ipv4"]))[0].error == ""
    assert spoofed(field) == before
    assert speak(field, attacker, "tun", packet(alice["ipv4"]))[0].error == ""
    assert spoofed(field) == before + 1
    assert speak(field, attacker, "tun", packet(STRANGER))[0].error == ""
    assert spoofed(field) == before + 2
