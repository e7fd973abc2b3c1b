# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of nftables as messages: ours alone, and nothing that is cut short."""

from __future__ import annotations

import struct

import pytest

from wolfguard.linux.netlink import NESTED, MalformedNetlinkError, Message, attribute
from wolfguard.linux.nft_counters import Counted, list_counters, read_counter

NEW_OBJECT = 10 << 8 | 18


def listed(table: str = "ours", kind: int = 1, name: str = "invalid", counts: bytes | None = None) -> Message:
    if counts is None:
        counts = attribute(1, (300).to_bytes(8)) + attribute(2, (3).to_bytes(8))
    payload = (
        bytes([1, 0, 0, 1])
        + attribute(1, table.encode() + b"\0")
        + attribute(2, name.encode() + b"\0")
        + attribute(3, struct.pack(">I", kind))
        + attribute(4 | NESTED, counts)
    )
    return Message(NEW_OBJECT, 0, 1, payload)


def test_a_counter() -> None:
    assert read_counter(listed(), "ours") == ("invalid", Counted(3, 300))


def test_what_is_another_tables_or_no_counter_is_left_out() -> None:
    assert read_counter(listed(table="theirs"), "ours") is None
    assert read_counter(listed(kind=2), "ours") is None
    assert read_counter(Message(1, 0, 1, b""), "ours") is None


@pytest.mark.parametrize(
    "message", [Message(NEW_OBJECT, 0, 1, b"\1"), listed(counts=b""), listed(counts=attribute(1, b"x"))]
)
def test_a_counter_that_is_cut_short(message: Message) -> None:
    with pytest.raises(MalformedNetlinkError):
        read_counter(message, "ours")


def test_the_question_names_table_and_kind() -> None:
    request = list_counters("ours")
    assert request.payload == bytes([1, 0, 0, 0]) + attribute(1, b"ours\0") + attribute(3, b"\0\0\0\1")
