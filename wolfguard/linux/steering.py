# SPDX-License-Identifier: GPL-3.0-or-later
"""Which worker hears a datagram or a connection: a table of rules, as classic BPF for a SO_REUSEPORT group.

Owns the rules, their program for SO_ATTACH_REUSEPORT_CBPF (socket(7)) and the same meaning in plain Python. A slot is
a socket's place in its group, in the order in which they were bound or listened. Must not know what a worker does.

In such a program offset 0 is the first byte after the UDP or TCP header, and loads at SKF_NET_OFF + n read the IP
header. A load beyond the end ends the program with 0, which would be slot 0, so rules ask for the length first.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

SO_ATTACH_REUSEPORT_CBPF: Final = 51


@dataclass(frozen=True, slots=True)
class Condition:
    """A number of `width` bytes (1, 2 or 4, in network order) in the datagram; only the bits of `mask` count."""

    what: str
    offset: int
    value: int
    width: int = 1
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Rule:
    """A datagram that meets all conditions names its slot in one byte. No such slot: the next rule is asked."""

    name: str
    conditions: tuple[Condition, ...]
    slot_at: int

    @property
    def length(self) -> int:
        """Bytes that a datagram must have for every look at it to be within."""
        return max([self.slot_at + 1, *(each.offset + each.width for each in self.conditions)])


Table = tuple[Rule, ...]
"""Asked in this order. Where none decides, the source address does, alike in every table: a client's TCP and UDP meet.

Ports do not count, so an address with many clients behind it has one slot.
"""

UDP: Final[Table] = (
    Rule(
        "DTLS 1.2 record with a connection ID (RFC 9146 section 4)",
        (Condition("content type is tls12_cid", 0, 25),),
        slot_at=11,
    ),
    Rule(
        "DTLS 1.3 record with a connection ID (RFC 9147 section 4)",
        (Condition("unified header with the C bit", 0, 0x30, mask=0xF0),),
        slot_at=1,
    ),
    Rule(
        "ClientHello with an App-ID as session_id (RFC 6347 section 4.2)",
        (
            Condition("content type is handshake", 0, 22),
            Condition("epoch is 0", 3, 0, width=2),
            Condition("handshake type is client_hello", 13, 1),
            Condition("length of session_id is 32", 59, 32),
        ),
        slot_at=60,
    ),
)
TCP: Final[Table] = ()

# Classic BPF (linux/filter.h).
_NETWORK_HEADER: Final = 0xFFF00000  # SKF_NET_OFF
_LOAD: Final = {1: 0x30, 2: 0x28, 4: 0x20}
_LOAD_LENGTH: Final = 0x80
_AND: Final = 0x54
_MULTIPLY: Final = 0x24
_SHIFT_RIGHT: Final = 0x74
_XOR_X: Final = 0xAC
_TO_X: Final = 0x07
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_JUMP: Final = 0x05
_RETURN_A: Final = 0x16

_IPV4_SOURCE: Final = 12
_IPV6_SOURCE: Final = 8
_MIX: Final = 0x9E3779B1  # 2^32 / golden ratio: neighbouring addresses land far apart
_MEMBERS_MAX: Final = 0x10000  # beyond, scaling the hash would overflow

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
_NEXT_RULE: Final = -1  # as a jump, until the rule's end is known


def program(table: Table, members: int) -> bytes:
    """`struct sock_filter` array that answers with a slot below `members`. Raises ValueError for no such group."""
    if not 1 <= members <= _MEMBERS_MAX:
        raise ValueError(f"a group of {members} sockets")
    instructions = [each for rule in table for each in _rule(rule, members)] + _source(members)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def attach(sock: socket.socket, code: bytes) -> None:
    """Makes a program choose among the sockets of `sock`'s group, now and for those that join. Raises OSError."""
    buffer = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, described)


def slot_of(datagram: bytes, source: IPv4Address | IPv6Address, members: int, table: Table = UDP) -> int:
    """What the program answers. A connection attempt is an empty datagram."""
    for rule in table:
        if len(datagram) >= rule.length and all(_holds(each, datagram) for each in rule.conditions):
            slot = datagram[rule.slot_at]
            if slot < members:
                return slot
    word = 0
    for (part,) in struct.iter_unpack(">I", source.packed):
        word ^= part
    return ((word * _MIX & 0xFFFFFFFF) >> 16) * members >> 16


def explain(table: Table, members: int) -> list[str]:
    """The table for people, one line a rule."""
    lines = []
    for rule in table:
        conditions = ", ".join(
            f"{each.what} (byte {each.offset}" + (f"-{each.offset + each.width - 1})" if each.width > 1 else ")")
            for each in rule.conditions
        )
        lines.append(f"{rule.name}: {conditions}; at least {rule.length} bytes: slot in byte {rule.slot_at}")
    rest = f"all else, or a slot that is not one of {members}" if table else "all"
    return [*lines, f"{rest}: hash of the source address, one of {members}"]


def _holds(condition: Condition, datagram: bytes) -> bool:
    raw = datagram[condition.offset : condition.offset + condition.width]
    return int.from_bytes(raw, "big") & condition.mask == condition.value


def _rule(rule: Rule, members: int) -> list[_Instruction]:
    block: list[_Instruction] = [(_LOAD_LENGTH, 0, 0, 0), (_IF_AT_LEAST, 0, _NEXT_RULE, rule.length)]
    for condition in rule.conditions:
        block.append((_LOAD[condition.width], 0, 0, condition.offset))
        everything = (1 << 8 * condition.width) - 1
        if condition.mask & everything != everything:
            block.append((_AND, 0, 0, condition.mask))
        block.append((_IF_EQUAL, 0, _NEXT_RULE, condition.value))
    block += [(_LOAD[1], 0, 0, rule.slot_at), (_IF_AT_LEAST, _NEXT_RULE, 0, members), (_RETURN_A, 0, 0, 0)]
    jumps = range(len(block) - 1, -1, -1)  # over what is left of this rule
    return [
        (code, left if true == _NEXT_RULE else true, left if false == _NEXT_RULE else false, operand)
        for left, (code, true, false, operand) in zip(jumps, block, strict=True)
    ]


def _source(members: int) -> list[_Instruction]:
    # The highest bits of the product decide, for they depend on every bit of the address; those of a remainder do not.
    hashed = [(_MULTIPLY, 0, 0, _MIX), (_SHIFT_RIGHT, 0, 0, 16)]
    scaled = [(_MULTIPLY, 0, 0, members), (_SHIFT_RIGHT, 0, 0, 16), (_RETURN_A, 0, 0, 0)]
    ipv6: list[_Instruction] = [(_LOAD[4], 0, 0, _NETWORK_HEADER + _IPV6_SOURCE)]
    for word in range(1, 4):
        ipv6 += [(_TO_X, 0, 0, 0), (_LOAD[4], 0, 0, _NETWORK_HEADER + _IPV6_SOURCE + 4 * word), (_XOR_X, 0, 0, 0)]
    return [
        (_LOAD[1], 0, 0, _NETWORK_HEADER),
        (_AND, 0, 0, 0xF0),
        (_IF_EQUAL, 2, 0, 0x60),
        (_LOAD[4], 0, 0, _NETWORK_HEADER + _IPV4_SOURCE),
        (_JUMP, 0, 0, len(ipv6)),
        *ipv6,
        *hashed,
        *scaled,
    ]
