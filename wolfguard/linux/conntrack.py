# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking: forgetting the flows of addresses that were given back (ctnetlink), sans-IO.

The table is listed and matched here instead of being flushed by a filter, since kernels before 6.8 cannot; many
addresses cost one pass.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Container
from typing import Final

from wolfguard.linux import netlink
from wolfguard.linux.netlink import MalformedNetlinkError, Message, Request, attribute

_SUBSYSTEM: Final = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_NEW: Final = _SUBSYSTEM | 0  # IPCTNL_MSG_CT_NEW
_GET: Final = _SUBSYSTEM | 1
_DELETE: Final = _SUBSYSTEM | 2

_FAMILY: Final = struct.Struct("=BBH")  # struct nfgenmsg
_ORIGINAL: Final = 1  # CTA_TUPLE_ORIG
_REPLY: Final = 2
_ID: Final = 12
_ZONE: Final = 18
_TUPLE_IP: Final = 1
_ADDRESS_KINDS: Final = frozenset({1, 2, 3, 4})  # CTA_IP_V4_SRC, _V4_DST, _V6_SRC, _V6_DST


def list_flows() -> Request:
    """To be dumped: all flows of both families."""
    return Request(_GET, 0, _FAMILY.pack(socket.AF_UNSPEC, 0, 0))


def _addresses(tuple_: bytes) -> list[bytes]:
    for kind, value in netlink.attributes(tuple_):
        if kind == _TUPLE_IP:
            return [item for name, item in netlink.attributes(value) if name in _ADDRESS_KINDS]
    return []


def delete_matching(message: Message, addresses: Container[bytes]) -> Request | None:
    """The request that deletes a listed flow, if one of its ends is among `addresses` (packed); else None.

    Answers ENOENT when the flow has ended by itself. Raises MalformedNetlinkError.
    """
    if message.kind != _NEW:
        return None
    if len(message.payload) < _FAMILY.size:
        raise MalformedNetlinkError(f"netlink: a flow of {len(message.payload)} bytes")
    parts = dict(netlink.attributes(message.payload, _FAMILY.size))
    original, reply = parts.get(_ORIGINAL, b""), parts.get(_REPLY, b"")
    if not any(address in addresses for address in (*_addresses(original), *_addresses(reply))):
        return None
    # The identity keeps a flow that took the same ports meanwhile from being deleted in its place.
    kept = b"".join(attribute(kind, parts[kind]) for kind in (_ID, _ZONE) if kind in parts)
    nested = attribute(_ORIGINAL | netlink.NESTED, original)
    return Request(_DELETE, 0, message.payload[: _FAMILY.size] + nested + kept)
