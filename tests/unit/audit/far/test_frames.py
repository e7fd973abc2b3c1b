# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames between two ends: whole in any pieces, and nothing is taken in that nobody has asked for."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfguard.audit.far.frames import BrokenError, Frames, Head, frame

texts = st.text(max_size=20)
heads = st.dictionaries(texts, st.one_of(st.integers(), texts, st.none(), st.lists(texts, max_size=3)), max_size=4)


@given(st.lists(st.tuples(heads, st.binary(max_size=300)), max_size=5), st.integers(1, 50))
def test_whole_in_any_pieces(sent: list[tuple[Head, bytes]], size: int) -> None:
    stream = b"".join(frame(head, body) for head, body in sent)
    frames = Frames(lambda head: 300)
    found = [each for at in range(0, len(stream), size) for each in frames.feed(stream[at : at + size])]
    assert found == sent


def test_a_name_of_no_encoding_survives() -> None:
    ((head, _),) = Frames(lambda head: 0).feed(frame({"path": "/etc/\udcff"}))
    assert head == {"path": "/etc/\udcff"}


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 4, 0) + b"oops",
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 200_000, 0) + b"[" * 200_000,
        frame({"id": 1}, b"x" * 101),
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(BrokenError):
        Frames(lambda head: 100).feed(data)


def test_a_body_too_large_is_refused_before_it_comes() -> None:
    asked: list[Any] = []

    def most(head: Head) -> int:
        asked.append(head["id"])
        return 10

    head_alone = frame({"id": 7}, b"")[8:]
    with pytest.raises(BrokenError, match="4000000000 bytes"):
        Frames(most).feed(struct.pack(">II", len(head_alone), 4_000_000_000) + head_alone)
    assert asked == [7]
