# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every client, whatever it sends and however the network cuts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import fuzz_protocol
from tests.unit.protocol.playbook import FORM, OFFER, RELEASES, connection, request, vector
from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol import login, markup, mtu
from wolfguard.protocol.commands import AskLogin, AskLogout, AskTunnel, Command, Report, Send
from wolfguard.protocol.connection import Connection, State
from wolfguard.protocol.events import (
    Event,
    LoggedOut,
    LoginCompleted,
    LoginPrompted,
    LoginRefused,
    Lost,
    Received,
    TunnelGranted,
    TunnelRefused,
    Unavailable,
)
from wolfguard.protocol.frame import Frame, FrameType, decode, encode
from wolfguard.protocol.http import Limits
from wolfguard.protocol.markup import Element, parse, render
from wolfguard.protocol.refusals import REFUSALS
from wolfguard.secret import Secret

NAMES = ("init", "init-group", "reply-wrong", "reply-right", "plain-get", "plain-reply", "connect-tls12")
REQUESTS = [vector(release, name) for release in RELEASES for name in NAMES]
BAD = [
    request("POST", "/", b"<a>"),
    request("POST", "/auth", b"x" * 300000),
    request("GET", "/", b"", "X: " + "x" * 17000),
    request("GET", "/nothing"),
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\na=b&c\r\n2\r\n=d\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na=b",
]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")).filter(lambda c: c not in "\ufffe\uffff"))
ELEMENT_NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,20}\Z")


def pieces(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} - {0, len(data)})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        yield data[start:end]


def joined(commands: Sequence[Command]) -> list[Command]:
    """Neighbouring Sends as one: how bytes to the client are grouped means nothing."""
    result: list[Command] = []
    for command in commands:
        last = result[-1] if result else None
        if isinstance(command, Send) and isinstance(last, Send) and not last.close:
            result[-1] = Send(last.data + command.data, command.close)
        else:
            result.append(command)
    return result


def answer_to(commands: Sequence[Command]) -> Event | None:
    for command in commands:
        match command:
            case AskLogin(fields=()):
                return LoginPrompted("flow", FORM)
            case AskLogin():
                return LoginCompleted("flow", Secret(b"cookie"), "")
            case AskTunnel():
                return TunnelGranted(OFFER)
            case AskLogout():
                return LoggedOut()
    return None


def converse(player: Connection, requests: Sequence[bytes], cuts: Sequence[int]) -> list[Command]:
    """Plays whole requests, each after the answer to the one before, cut into pieces."""
    told: list[Command] = []
    for data in requests:
        commands: list[Command] = []
        for piece in pieces(data, cuts):
            commands.extend(player.handle(Received(piece)))
        event = answer_to(commands)
        if event is not None:
            commands.extend(player.handle(event))
        told.extend(commands)
    return joined(told)


@given(
    st.lists(st.sampled_from([*REQUESTS, *BAD]), min_size=1, max_size=4),
    st.lists(st.integers(0, 400000), max_size=12),
)
def test_cuts_of_the_stream_do_not_matter(requests: list[bytes], cuts: list[int]) -> None:
    assert converse(connection(), requests, cuts) == converse(connection(), requests, ())


@given(st.sampled_from(REQUESTS))
@settings(max_examples=30)
def test_byte_by_byte(data: bytes) -> None:
    assert converse(connection(), [data], range(len(data))) == converse(connection(), [data], ())


def check(player: Connection, commands: Sequence[Command]) -> None:
    """What holds after every event: known labels, well-formed answers, nothing after the end, bounded memory."""
    for place, command in enumerate(commands):
        if isinstance(command, Report):
            assert command.label in REFUSALS or command.label == "connect_mtu_clamped"
        if isinstance(command, Send):
            assert command.data.startswith(b"HTTP/1.1 ")
            if command.close:
                assert place == len(commands) - 1
                assert player.state is State.CLOSED
    assert player.held <= 16384 + 262144


@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([*REQUESTS, *BAD])), max_size=6))
def test_random_bytes_only_ever_cause_answers(chunks: list[bytes]) -> None:
    player = connection()
    for chunk in chunks:
        check(player, player.handle(Received(chunk)))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real request with a few bytes changed, removed or doubled."""
    data = bytearray(draw(st.sampled_from(REQUESTS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("change", "cut", "double"))):
            case "change":
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[place : place + draw(st.integers(1, 40))]
            case "double":
                data[place:place] = data[place : place + draw(st.integers(1, 40))]
        if not data:
            break
    return bytes(data)


@given(damaged(), st.lists(st.integers(0, 2000), max_size=4))
def test_damaged_requests_only_ever_cause_answers(data: bytes, cuts: list[int]) -> None:
    player = connection()
    for piece in pieces(data, cuts):
        commands = player.handle(Received(piece))
        check(player, commands)
        event = answer_to(commands)
        if event is not None:
            check(player, [each for each in player.handle(event) if isinstance(each, Report | Send)])


EVENTS = st.one_of(
    st.sampled_from(REQUESTS).map(Received),
    st.sampled_from(
        [
            Lost(),
            LoginPrompted("flow", FORM),
            LoginCompleted("flow", Secret(b"cookie"), ""),
            LoginRefused("no"),
            TunnelGranted(OFFER),
            TunnelRefused(401, "no"),
            LoggedOut(),
            Unavailable("unavailable", "away"),
        ]
    ),
)


@given(st.lists(EVENTS, max_size=10))
def test_one_question_at_a_time_and_no_byte_after_the_end(events: list[Event]) -> None:
    player = connection()
    asked = 0
    for event in events:
        ended = player.state is State.CLOSED
        due = player.state in (State.LOGIN, State.LOGOUT, State.CONNECT)
        try:
            commands = player.handle(event)
        except LocalError:
            continue
        if ended:
            assert not [command for command in commands if isinstance(command, Send)]
            continue
        asked += sum(isinstance(command, AskLogin | AskTunnel | AskLogout) for command in commands)
        if due and not isinstance(event, Received | Lost):
            asked -= 1
        assert asked <= 1 or player.state is State.CLOSED


def label_of(read: Callable[..., object], *given: object) -> str | None:
    """The label of the PeerError that `read` raises, or None; any other exception is a failure of the test."""
    try:
        read(*given)
    except PeerError as error:
        return error.label
    return None


@given(st.binary(max_size=400))
def test_reader_of_xml_raises_peer_errors_only(data: bytes) -> None:
    assert label_of(parse, data) in (None, *REFUSALS)


@given(
    ELEMENT_NAMES,
    st.dictionaries(ELEMENT_NAMES, TEXT, max_size=4),
    st.lists(st.tuples(ELEMENT_NAMES, TEXT), max_size=5),
)
def test_xml_round_trip(name: str, attributes: dict[str, str], children: list[tuple[str, str]]) -> None:
    element = Element(name, attributes, tuple(Element(child, text=text) for child, text in children))
    got = parse((markup.DECLARATION + render(element)).encode())
    assert (got.name, dict(got.attributes)) == (name, attributes)
    assert [(child.name, child.text) for child in got.children] == children


@given(st.binary(max_size=300), st.sampled_from(["", "flow"]))
def test_login_bodies_raise_peer_errors_only(body: bytes, context: str) -> None:
    assert label_of(login.parse, body, context) in (None, *REFUSALS)


@given(st.sampled_from(list(FrameType)), st.binary(max_size=2000))
def test_frame_round_trip(kind: FrameType, payload: bytes) -> None:
    assert decode(encode(Frame(kind, payload))) == Frame(kind, payload)


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.booleans())
def test_mtu_is_always_sane(base: int, wanted: int, outside_ipv6: bool) -> None:
    assert mtu.DATA_MIN <= mtu.data_mtu(base, wanted, outside_ipv6=outside_ipv6) <= mtu.DATA_MAX


@given(st.integers(1, 400), st.integers(0, 400), st.binary(max_size=1200))
def test_small_limits_hold(headers: int, body: int, data: bytes) -> None:
    player = connection(Limits(header_bytes=headers, body_bytes=body))
    player.handle(Received(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data))
    assert player.held <= max(headers, body)


def test_fuzz_target_over_its_seeds() -> None:
    assert fuzz_protocol.over_seeds() > 1000
