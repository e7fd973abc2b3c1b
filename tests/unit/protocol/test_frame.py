# SPDX-License-Identifier: GPL-3.0-or-later
"""CSTP frames and the meaning of farewells."""

from __future__ import annotations

import pytest

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.frame import PAYLOAD_MAX, Frame, FrameType, bye_meaning, bye_payload, decode, encode


def test_bytes_on_the_wire() -> None:
    assert encode(Frame(FrameType.DATA, b"abc")) == bytes.fromhex("5354460100030000") + b"abc"
    assert encode(Frame(FrameType.KEEPALIVE)) == bytes.fromhex("5354460100000700")


@pytest.mark.parametrize("kind", FrameType)
def test_round_trip(kind: FrameType) -> None:
    assert decode(encode(Frame(kind, b"xyz"))) == Frame(kind, b"xyz")


@pytest.mark.parametrize(
    ("record", "label"),
    [
        (b"", "frame_short"),
        (b"STF\x01\x00\x00\x00", "frame_short"),
        (b"STF\x02\x00\x00\x00\x00", "frame_magic"),
        (b"STF\x01\x00\x00\x00\x01", "frame_magic"),
        (b"STF\x01\x00\x01\x00\x00", "frame_length"),
        (b"STF\x01\x00\x00\x00\x00a", "frame_length"),
        (b"STF\x01\x00\x00\x01\x00", "frame_type"),
    ],
)
def test_refused(record: bytes, label: str) -> None:
    with pytest.raises(PeerError) as caught:
        decode(record)
    assert caught.value.label == label


def test_payload_fits_one_record() -> None:
    assert len(encode(Frame(FrameType.DATA, bytes(PAYLOAD_MAX)))) == 16384
    with pytest.raises(LocalError):
        encode(Frame(FrameType.DATA, bytes(PAYLOAD_MAX + 1)))


@pytest.mark.parametrize(
    ("code", "label", "ends"),
    [
        (0xB0, "bye_user", True),
        (0x91, "bye_reconnecting", False),
        (0x70, "bye_local_error", False),
        (0xD1, "bye_pause", False),
        (0x00, "bye_other", False),
        (-1, "bye_other", False),
    ],
)
def test_farewells(code: int, label: str, ends: bool) -> None:
    meaning = bye_meaning(code)
    assert (meaning.label, meaning.ends_session) == (label, ends)


def test_our_farewell_is_short_and_printable() -> None:
    assert bye_payload("kicked\n\u00e4") == b"\x00kicked"
    assert len(bye_payload("x" * 999)) == 201
