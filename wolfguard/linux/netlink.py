# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages as bytes: headers, attributes, acknowledgements (RFC 3549).

Owns the framing alone, sans-IO: what a route or a flow looks like is in `rtnetlink` and `conntrack`, the socket is in
`netlink_socket`. Everything that is decoded here is checked for its lengths; what does not fit raises
`MalformedNetlinkError`, since a kernel that answers nonsense must not be believed about routes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import LocalError

REQUEST: Final = 0x01  # NLM_F_REQUEST
MULTI: Final = 0x02  # NLM_F_MULTI
ACK: Final = 0x04  # NLM_F_ACK
DUMP_INTERRUPTED: Final = 0x10  # NLM_F_DUMP_INTR
DUMP: Final = 0x300  # NLM_F_ROOT | NLM_F_MATCH
REPLACE: Final = 0x100  # NLM_F_REPLACE, of NEW requests
CREATE: Final = 0x400  # NLM_F_CREATE
CAPPED: Final = 0x100  # NLM_F_CAPPED, of acknowledgements: the request's payload is left off
ACK_ATTRIBUTES: Final = 0x200  # NLM_F_ACK_TLVS, of acknowledgements

KIND_ERROR: Final = 2  # NLMSG_ERROR
KIND_DONE: Final = 3  # NLMSG_DONE

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_ERROR: Final = struct.Struct("=i")
NESTED: Final = 0x8000  # NLA_F_NESTED
_ATTRIBUTE_KIND: Final = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_EXTENDED_TEXT: Final = 1  # NLMSGERR_ATTR_MSG


class MalformedNetlinkError(LocalError):
    """The kernel's answer cannot be read: a wrong length or a missing part."""


class NetlinkError(LocalError):
    """The kernel refused. `code` is the errno; `text` is what the kernel adds, or empty."""

    def __init__(self, what: str, code: int, text: str = "") -> None:
        super().__init__(f"{what}: {os.strerror(code)}" + (f" ({text})" if text else ""))
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask, without sequence number: `kind` is the message type, `payload` family header and attributes."""

    kind: int
    flags: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Message:
    kind: int
    flags: int
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """`code` 0 means done, else an errno. `sequence` is that of the request."""

    code: int
    sequence: int
    text: str


def aligned(length: int) -> int:
    return (length + 3) & ~3


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes. `payload` of a nested one is the concatenation of its members."""
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + bytes(aligned(length) - length)


def number(kind: int, value: int) -> bytes:
    """An attribute with an unsigned 32-bit value in host order."""
    return attribute(kind, struct.pack("=I", value))


def encode(request: Request, sequence: int, extra_flags: int = 0) -> bytes:
    """The message, padded, ready to be sent or appended to others of a batch."""
    length = _HEADER.size + len(request.payload)
    header = _HEADER.pack(length, request.kind, REQUEST | request.flags | extra_flags, sequence, 0)
    return header + request.payload + bytes(aligned(length) - length)


def messages(datagram: bytes) -> Iterator[Message]:
    """The messages of one datagram; raises MalformedNetlinkError."""
    offset = 0
    while offset < len(datagram):
        if len(datagram) - offset < _HEADER.size:
            raise MalformedNetlinkError(f"netlink: {len(datagram) - offset} bytes are too few for a header")
        length, kind, flags, sequence, _port = _HEADER.unpack_from(datagram, offset)
        if not _HEADER.size <= length <= len(datagram) - offset:
            raise MalformedNetlinkError(f"netlink: a message of {length} bytes in {len(datagram) - offset}")
        yield Message(kind, flags, sequence, datagram[offset + _HEADER.size : offset + length])
        offset += aligned(length)


def attributes(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """(kind, payload) of each attribute from `offset` on, flags of the kind removed; raises MalformedNetlinkError."""
    end = len(data)
    while offset < end:
        if end - offset < _ATTRIBUTE.size:
            raise MalformedNetlinkError(f"netlink: {end - offset} bytes are too few for an attribute")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= end - offset:
            raise MalformedNetlinkError(f"netlink: an attribute of {length} bytes in {end - offset}")
        yield kind & _ATTRIBUTE_KIND, data[offset + _ATTRIBUTE.size : offset + length]
        offset += aligned(length)


def read_number(payload: bytes) -> int:
    """An unsigned 32-bit value in host order; raises MalformedNetlinkError."""
    if len(payload) != 4:
        raise MalformedNetlinkError(f"netlink: a 32-bit value of {len(payload)} bytes")
    return int.from_bytes(payload, "little" if struct.pack("=H", 1) == b"\x01\x00" else "big")


def read_acknowledgement(message: Message) -> Acknowledgement:
    """Decodes a KIND_ERROR message (which also says that all went well); raises MalformedNetlinkError."""
    payload = message.payload
    if len(payload) < _ERROR.size + _HEADER.size:
        raise MalformedNetlinkError(f"netlink: an acknowledgement of {len(payload)} bytes")
    (code,) = _ERROR.unpack_from(payload)
    if code > 0:
        raise MalformedNetlinkError(f"netlink: an acknowledgement with the positive error {code}")
    length, _kind, _flags, sequence, _port = _HEADER.unpack_from(payload, _ERROR.size)
    text = ""
    if message.flags & ACK_ATTRIBUTES:
        echoed = _HEADER.size if message.flags & CAPPED or code == 0 else aligned(max(length, _HEADER.size))
        for kind, value in attributes(payload, _ERROR.size + echoed):
            if kind == _EXTENDED_TEXT:
                text = value.rstrip(b"\0").decode("ascii", "replace")
    return Acknowledgement(-code, sequence, text)


def read_done(message: Message) -> int:
    """The errno with which a dump ended, 0 for success; raises MalformedNetlinkError."""
    if not message.payload:
        return 0
    if len(message.payload) < _ERROR.size:
        raise MalformedNetlinkError(f"netlink: an end of {len(message.payload)} bytes")
    (code,) = _ERROR.unpack_from(message.payload)
    return -min(int(code), 0)
