# SPDX-License-Identifier: GPL-3.0-or-later
"""Named counters of an nftables table as netlink messages (linux/netfilter/nf_tables.h), sans-IO.

Apart from `nftables`: libnftables reads every element of every set before it lists a counter, which takes seconds where
there are a hundred thousand clients.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request, attribute, attributes

_NEW_OBJECT: Final = 10 << 8 | 18  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWOBJ
_GET_OBJECT: Final = 10 << 8 | 19
_INET: Final = 1  # NFPROTO_INET
_COUNTER: Final = 1  # NFT_OBJECT_COUNTER

_TABLE: Final = 1  # NFTA_OBJ_*
_NAME: Final = 2
_TYPE: Final = 3
_DATA: Final = 4
_BYTES: Final = 1  # NFTA_COUNTER_*
_PACKETS: Final = 2

_HEAD: Final = struct.Struct(">BBH")  # struct nfgenmsg


@dataclass(frozen=True, slots=True)
class Counted:
    packets: int
    octets: int


def list_counters(table: str) -> Request:
    """To be dumped: the named counters of a table of the family inet."""
    wanted = attribute(_TABLE, table.encode("ascii") + b"\0") + attribute(_TYPE, struct.pack(">I", _COUNTER))
    return Request(_GET_OBJECT, 0, _HEAD.pack(_INET, 0, 0) + wanted)


def read_counter(message: Message, table: str) -> tuple[str, Counted] | None:
    """(name, what it has counted); None for what is no counter of the table. Raises MalformedNetlinkError."""
    if message.kind != _NEW_OBJECT:
        return None
    if len(message.payload) < _HEAD.size:
        raise MalformedNetlinkError(f"netlink: an object of {len(message.payload)} bytes")
    parts = dict(attributes(message.payload, _HEAD.size))
    if _text(parts.get(_TABLE, b"")) != table or parts.get(_TYPE) != struct.pack(">I", _COUNTER):
        return None
    counts = dict(attributes(parts.get(_DATA, b"")))
    packets, octets = counts.get(_PACKETS, b""), counts.get(_BYTES, b"")
    if len(packets) != 8 or len(octets) != 8:
        raise MalformedNetlinkError("netlink: a counter without its counts")
    return _text(parts.get(_NAME, b"")), Counted(int.from_bytes(packets), int.from_bytes(octets))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("ascii", "replace")
