# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is compiled from the table says what the table says, for datagrams and addresses of every kind."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import classic_bpf
from wolfguard.linux import steering
from wolfguard.linux.steering import TCP, UDP, Condition, Rule

Source = IPv4Address | IPv6Address
SKF_NET_OFF = 0xFFF00000
SOURCE = IPv4Address("203.0.113.7")


def hello(slot: int, session_id: int = 32, epoch: int = 0, message: int = 1) -> bytes:
    """The first bytes of a ClientHello, up to its session id."""
    record = b"\x16\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(6) + b"\0\x64"
    body = b"\xfe\xfd" + bytes(range(32)) + bytes([session_id, slot]) + bytes(31)
    return record + bytes([message]) + bytes(11) + body


def cid_record(slot: int) -> bytes:
    return b"\x19\xfe\xfd\0\1" + bytes(6) + bytes([slot, 9, 9, 9])


def unified(slot: int, first: int = 0x3F) -> bytes:
    return bytes([first, slot, 9, 9, 9])


NAMES_ITS_SLOT = {"hello": hello, "cid": cid_record, "unified": unified}


def ip_header(source: Source, options: int = 0) -> bytes:
    if source.version == 6:
        return b"\x60" + bytes(7) + source.packed + bytes(16)
    return bytes([0x45 + options]) + bytes(11) + source.packed + bytes(4 + 4 * options)


def run(program: bytes, datagram: bytes, header: bytes) -> int:
    def load(width: int, offset: int) -> int | None:
        bytes_ = header if offset >= SKF_NET_OFF else datagram
        raw = bytes_[offset % SKF_NET_OFF :][:width]
        return int.from_bytes(raw, "big") if len(raw) == width else None

    return classic_bpf.run(program, load, len(datagram))


def bent(datagram: bytes, changes: list[tuple[int, int]], length: int) -> bytes:
    """With some bytes replaced, then cut."""
    result = bytearray(datagram)
    for place, value in changes:
        result[place % len(result)] = value
    return bytes(result[:length])


BYTE = st.integers(0, 255)
REAL = st.builds(lambda make, slot: make(slot), st.sampled_from([*NAMES_ITS_SLOT.values()]), BYTE)
CHANGES = st.lists(st.tuples(st.sampled_from([0, 1, 3, 4, 11, 13, 59, 60]), BYTE), max_size=2)
DATAGRAMS = st.binary(max_size=100) | REAL | st.builds(bent, REAL, CHANGES, st.integers(0, 100))
SOURCES = st.ip_addresses()


@given(DATAGRAMS, SOURCES, st.integers(1, 300), st.integers(0, 10), st.sampled_from([UDP, TCP]))
def test_the_program_says_what_the_reference_says(
    datagram: bytes, source: Source, members: int, options: int, table: steering.Table
) -> None:
    slot = run(steering.program(table, members), datagram, ip_header(source, options))
    assert slot == steering.slot_of(datagram, source, members, table)
    assert 0 <= slot < members


@pytest.mark.parametrize("kind", NAMES_ITS_SLOT)
@given(SOURCES, st.integers(1, 256))
def test_a_datagram_names_its_slot_where_there_is_one(kind: str, source: Source, members: int) -> None:
    by_source = steering.slot_of(b"", source, members)
    for slot in {0, members - 1, min(members, 255), 255}:
        expected = slot if slot < members else by_source
        assert steering.slot_of(NAMES_ITS_SLOT[kind](slot), source, members) == expected


@pytest.mark.parametrize("kind", NAMES_ITS_SLOT)
def test_a_datagram_that_ends_before_its_slot_names_none(kind: str) -> None:
    members = 200
    whole = NAMES_ITS_SLOT[kind](slot=199)
    by_source = steering.slot_of(b"", SOURCE, members)
    assert by_source != 199
    place = whole.index(199)
    assert steering.slot_of(whole[: place + 1], SOURCE, members) == 199
    assert {steering.slot_of(whole[:length], SOURCE, members) for length in range(place + 1)} == {by_source}


@pytest.mark.parametrize(
    "datagram",
    [
        hello(199, session_id=31),
        hello(199, session_id=0),
        hello(199, epoch=1),
        hello(199, epoch=256),
        hello(199, message=2),
        b"\x17" + hello(199)[1:],
        unified(199, first=0x2F),  # no connection ID
        unified(199, first=0x4F),
        b"\x18" + cid_record(199)[1:],
    ],
)
def test_what_only_resembles_goes_by_its_source(datagram: bytes) -> None:
    assert steering.slot_of(datagram, SOURCE, 200) == steering.slot_of(b"", SOURCE, 200) != 199


@given(DATAGRAMS, SOURCES, st.integers(1, 64))
def test_a_clients_tcp_and_udp_meet(datagram: bytes, source: Source, members: int) -> None:
    assert steering.slot_of(datagram, source, members, TCP) == steering.slot_of(b"", source, members, UDP)


@pytest.mark.parametrize("step", [1, 1 << 8, 1 << 16, 1 << 24])
@pytest.mark.parametrize("members", [2, 3, 4, 8])
@pytest.mark.parametrize("first", ["0.0.0.1", "2001:db8::1"])
def test_addresses_spread_wherever_they_differ(first: str, members: int, step: int) -> None:
    found = [steering.slot_of(b"", ip_address(first) + number * step, members) for number in range(256)]
    assert all(found.count(slot) > 256 // members * 0.9 for slot in range(members))


@given(st.data())
def test_any_table_compiles_to_what_it_says(data: st.DataObject) -> None:
    """Not only the tables in use: every width, mask, offset and order."""

    def condition(offset: int, width: int, value: int, mask: int) -> Condition:
        mask &= (1 << 8 * width) - 1
        return Condition("anything", offset, value & mask, width, mask)

    small = st.integers(0, 3)
    conditions = st.builds(condition, small, st.sampled_from([1, 2, 4]), small, st.integers(0, 2**32 - 1))
    rules = st.builds(Rule, st.just("any"), st.lists(conditions, max_size=3).map(tuple), st.integers(0, 8))
    table = data.draw(st.lists(rules, max_size=4).map(tuple))
    datagram = data.draw(st.lists(small, max_size=12).map(bytes))
    source = data.draw(SOURCES)
    members = data.draw(st.integers(1, 4))
    slot = run(steering.program(table, members), datagram, ip_header(source))
    assert slot == steering.slot_of(datagram, source, members, table)


@pytest.mark.parametrize("members", [0, 65537])
def test_a_group_has_members_but_not_more_than_can_be_told_apart(members: int) -> None:
    with pytest.raises(ValueError, match=f"{members} sockets"):
        steering.program(UDP, members)


def test_the_table_for_people() -> None:
    lines = steering.explain(UDP, 4)
    assert lines[2] == (
        "ClientHello with an App-ID as session_id (RFC 6347 section 4.2): content type is handshake (byte 0), "
        "epoch is 0 (byte 3-4), handshake type is client_hello (byte 13), length of session_id is 32 (byte 59); "
        "at least 61 bytes: slot in byte 60"
    )
    assert lines[-1] == "all else, or a slot that is not one of 4: hash of the source address, one of 4"
    assert steering.explain(TCP, 4) == ["all: hash of the source address, one of 4"]
