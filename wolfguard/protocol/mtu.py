# SPDX-License-Identifier: GPL-3.0-or-later
"""How large an inner packet may be, from what the path carries and what client and site ask for.

Owns the arithmetic; all sizes are bytes. A client's numbers are only ever lowered to what is sane, never trusted:
an overhead subtracted from an absurd MTU has been an integer underflow elsewhere.
"""

from __future__ import annotations

from typing import Final

BASE_MIN: Final = 1280
"""Clients never claim a path below what IPv6 demands of every link (RFC 8200 §5)."""
BASE_MAX: Final = 9216
"""Jumbo frames; more is no path's real MTU."""
DATA_MIN: Final = 576
"""What every IPv4 host takes (RFC 791); clients probe no lower."""
DATA_MAX: Final = 9000
IPV6_MIN: Final = 1280

_IPV4_HEADER: Final = 20
_IPV6_HEADER: Final = 40
_UDP_HEADER: Final = 8
# The channel that costs most decides, so that moving between TLS and DTLS never needs another MTU: record header 13,
# explicit nonce 8, tag 16, type byte 1; and room for a CBC suite's padding and MAC, which clients allow for as well.
_DATAGRAM_OVERHEAD: Final = 82


def clamp_base(base: int) -> int:
    """A client's X-CSTP-Base-MTU within bounds; 0 (not sent) becomes the common Ethernet path."""
    return 1500 if base == 0 else min(max(base, BASE_MIN), BASE_MAX)


def data_mtu(base: int, wanted: int, *, outside_ipv6: bool) -> int:
    """The MTU inside the tunnel: from the path's `base`, and no more than the client's `wanted` (0: no wish)."""
    header = _IPV6_HEADER if outside_ipv6 else _IPV4_HEADER
    room = clamp_base(base) - header - _UDP_HEADER - _DATAGRAM_OVERHEAD
    limit = min(room, wanted) if wanted > 0 else room
    return min(max(limit, DATA_MIN), DATA_MAX)


def carries_ipv6(mtu: int) -> bool:
    """Below 1280 bytes IPv6 must not be given: clients end the session over it."""
    return mtu >= IPV6_MIN
