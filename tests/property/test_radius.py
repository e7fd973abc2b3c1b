# SPDX-License-Identifier: GPL-3.0-or-later
"""RADIUS packets: whatever comes is read or refused with a label, and what was read is what was sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import fuzz_radius
from wolfguard.auth.radius import attributes as meaning
from wolfguard.auth.radius import exchange, packet
from wolfguard.auth.radius.line import Line
from wolfguard.auth.radius.packet import Packet, decode, encode, split
from wolfguard.auth.radius.protection import Historic, Token
from wolfguard.errors import PeerError
from wolfguard.ipc.factors import ATTRIBUTES
from wolfguard.secret import Secret

ATTRIBUTE = st.tuples(st.integers(1, 255), st.binary(max_size=253))
PACKETS = st.builds(
    Packet,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(min_size=16, max_size=16),
    st.lists(ATTRIBUTE, max_size=12).map(tuple),
)
# What begins like a packet gets further than noise.
LIKE_PACKETS = st.tuples(st.binary(min_size=2, max_size=2), st.binary(min_size=16, max_size=600)).map(
    lambda parts: parts[0] + (len(parts[1]) + 4).to_bytes(2, "big") + parts[1]
)
NONCE = bytes(16)


@given(PACKETS)
def test_what_was_sent_is_read(sent: Packet) -> None:
    assert decode(encode(sent)) == sent


@given(st.one_of(st.binary(max_size=600), LIKE_PACKETS))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        got = decode(data)
    except PeerError:
        return
    assert encode(got) == data


@given(st.lists(PACKETS, max_size=5), st.lists(st.integers(1, 200), max_size=20))
def test_a_stream_may_be_cut_anywhere(sent: list[Packet], cuts: list[int]) -> None:
    stream = b"".join(map(encode, sent))
    buffer = bytearray()
    got: list[Packet] = []
    while stream:
        count = cuts.pop() if cuts else len(stream)
        buffer += stream[:count]
        stream = stream[count:]
        got += [decode(each) for each in split(buffer)]
    assert got == sent
    assert not buffer


@given(st.one_of(st.binary(max_size=600), LIKE_PACKETS))
def test_no_stranger_answers_in_the_place_of_a_server(data: bytes) -> None:
    line: Line[int] = Line(Historic(Secret(b"what no stranger knows")), window=5, datagrams=True)
    line.ask(1, packet.ACCESS_REQUEST, (), NONCE, 0)
    try:
        line.receive(data)
    except PeerError:
        assert len(line) == 1
    else:
        raise AssertionError("a reply was taken that nobody made")


@given(PACKETS)
def test_any_proved_reply_has_a_meaning(reply: Packet) -> None:
    """Never an exception, never an attribute outside the closed list or without bounds."""
    answer = exchange.answer(reply, 0)
    assert answer.state in ("accept", "reject", "ask", "unavailable")
    assert {attribute.name for attribute in answer.attributes} <= set(ATTRIBUTES)
    assert len(answer.groups) <= meaning.NAMES_MAX
    assert len(answer.message) <= meaning.TEXT_MAX


@given(st.binary(max_size=128).filter(lambda text: b"\0" not in text))
def test_a_password_can_be_read_by_who_shares_the_secret(password: bytes) -> None:
    from wolfguard.crypto.not_approved import md5

    sealed = Historic(Secret(b"between us")).request(packet.ACCESS_REQUEST, 1, ((2, password),), NONCE)
    hidden = decode(sealed.data).all(2)[0]
    clear, before = b"", NONCE
    for at in range(0, len(hidden), 16):
        block = hidden[at : at + 16]
        clear += bytes(a ^ b for a, b in zip(block, md5(b"between us" + before), strict=True))
        before = block
    assert clear.rstrip(b"\0") == password
    assert decode(Token().request(packet.ACCESS_REQUEST, 1, ((2, password),), NONCE).data).all(2) == (password,)


def test_fuzz_target_over_its_seeds() -> None:
    assert fuzz_radius.over_seeds() > 1000
