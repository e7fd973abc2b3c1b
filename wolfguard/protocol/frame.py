# SPDX-License-Identifier: GPL-3.0-or-later
"""CSTP frames: `53 54 46 01 | length (2) | type | 00 | payload`, one frame in one TLS record.

Owns the constants, the meaning of DISCONNECT codes and a plain reader and writer. Packets never pass here: the data
plane has its own in C, which is tested against this one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wolfguard.errors import LocalError, PeerError
from wolfguard.protocol.agent import printable

MAGIC: Final = b"STF\x01"
HEADER_BYTES: Final = 8
PAYLOAD_MAX: Final = 16384 - HEADER_BYTES
"""A frame must fit into one TLS record (RFC 8446 §5.1)."""
BYE_TEXT_MAX: Final = 200

_HEADER: Final = struct.Struct("!4sHBB")


class FrameType(IntEnum):
    DATA = 0
    DPD_REQUEST = 3
    DPD_RESPONSE = 4
    DISCONNECT = 5
    KEEPALIVE = 7
    COMPRESSED = 8
    TERMINATE = 9


@dataclass(frozen=True, slots=True)
class Frame:
    kind: FrameType
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Bye:
    """What a client's DISCONNECT means: `label` for events; `ends_session` says that its cookie dies."""

    label: str
    ends_session: bool


BYE_ADMINISTRATIVE: Final = 0x00

# Only the user's own farewell ends a session: for all else, and for what is unknown, the client may come back.
_BYES: Final = {
    0xB0: Bye("bye_user", ends_session=True),
    0x91: Bye("bye_reconnecting", ends_session=False),
    0x70: Bye("bye_local_error", ends_session=False),
    0xD1: Bye("bye_pause", ends_session=False),
}
_BYE_OTHER: Final = Bye("bye_other", ends_session=False)


def bye_meaning(code: int) -> Bye:
    """For the first byte of a DISCONNECT's payload; any number, or -1 for an empty payload."""
    return _BYES.get(code, _BYE_OTHER)


def bye_payload(text: str) -> bytes:
    """The payload of a DISCONNECT that makes a client quit; the text is shown to its user."""
    return bytes([BYE_ADMINISTRATIVE]) + printable(text, BYE_TEXT_MAX).encode("ascii")


def encode(frame: Frame) -> bytes:
    """One frame as one record's plaintext. Raises LocalError for a payload that no record holds."""
    if len(frame.payload) > PAYLOAD_MAX:
        raise LocalError(f"a frame carries at most {PAYLOAD_MAX} bytes, not {len(frame.payload)}")
    return _HEADER.pack(MAGIC, len(frame.payload), frame.kind, 0) + frame.payload


def decode(record: bytes) -> Frame:
    """The frame of one record. Raises PeerError: frame_short, frame_magic, frame_length, frame_type."""
    if len(record) < HEADER_BYTES:
        raise PeerError("frame_short", f"{len(record)} bytes")
    magic, length, kind, reserved = _HEADER.unpack_from(record)
    if magic != MAGIC or reserved != 0:
        raise PeerError("frame_magic", record[:HEADER_BYTES].hex())
    if HEADER_BYTES + length != len(record):
        raise PeerError("frame_length", f"says {length}, holds {len(record) - HEADER_BYTES}")
    try:
        return Frame(FrameType(kind), record[HEADER_BYTES:])
    except ValueError:
        raise PeerError("frame_type", str(kind)) from None
