# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server orders about sessions: Disconnect-Request and CoA-Request read, and their answers (RFC 5176).

Owns which attributes name a session, which change it, and that anything else refuses the whole order: an order that is
carried out in part would be another one. Must not know sessions, nor how the packet was proved.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from wolfguard.auth.radius import attributes as meaning
from wolfguard.auth.radius import packet
from wolfguard.auth.radius.dictionary import VENDOR_SPECIFIC, names, number, pair
from wolfguard.auth.radius.packet import Attributes, Packet
from wolfguard.errors import PeerError
from wolfguard.ipc import orders
from wolfguard.ipc.factors import Attribute
from wolfguard.ipc.orders import Named, OrderSessions

CODES: Final = frozenset({packet.DISCONNECT_REQUEST, packet.COA_REQUEST})
ERROR_CAUSES: Final = {
    orders.UNSUPPORTED_ATTRIBUTE: 401,
    orders.MISSING_ATTRIBUTE: 402,
    orders.NAS_MISMATCH: 403,
    orders.INVALID_REQUEST: 404,
    orders.UNSUPPORTED_SERVICE: 405,
    orders.INVALID_VALUE: 407,
    orders.NOT_FOUND: 503,
    orders.RESOURCES: 506,
}
_ANSWERS: Final = {
    packet.DISCONNECT_REQUEST: (packet.DISCONNECT_ACK, packet.DISCONNECT_NAK),
    packet.COA_REQUEST: (packet.COA_ACK, packet.COA_NAK),
}

_WAYS: Final = {
    "Acct-Session-Id": orders.BY_ID,
    "User-Name": orders.BY_USER,
    "Framed-IP-Address": orders.BY_IPV4,
    "Framed-IPv6-Address": orders.BY_IPV6,
    "Framed-IPv6-Prefix": orders.BY_IPV6,
    "Calling-Station-Id": orders.BY_ADDRESS,
    "Called-Station-Id": orders.BY_SITE,
}
_CHANGES: Final = frozenset(
    {
        "Session-Timeout",
        "Idle-Timeout",
        "Acct-Interim-Interval",
        "Filter-Id",
        "Class",
        "WISPr-Bandwidth-Max-Up",
        "WISPr-Bandwidth-Max-Down",
    }
)
# Which of several addresses of ours they used, what they carry along for others, and what the protection has looked at.
_PASSED_OVER: Final = frozenset(
    {"NAS-IP-Address", "NAS-IPv6-Address", "NAS-Port", "NAS-Port-Type", "Proxy-State", "Event-Timestamp"}
)
_OF_DISCONNECT: Final = frozenset({"Reply-Message", "Acct-Terminate-Cause"})


class OrderRefusedError(PeerError):
    """`label` is one of ERROR_CAUSES, `detail` names the attribute."""


def read(request: Packet, *, backend: str, server: str, nas: str) -> OrderSessions:
    """The order of a proved request. Raises OrderRefusedError."""
    disconnect = request.code == packet.DISCONNECT_REQUEST
    named: list[Named] = []
    changes: list[tuple[int, bytes]] = []
    for kind, value in request.attributes:
        for name in _names_of(kind, value):
            if name == "NAS-Identifier":
                if value != nas.encode():
                    raise OrderRefusedError(orders.NAS_MISMATCH, name)
            elif name in _WAYS:
                named.append(_named(name, value))
            elif name == "Service-Type":
                # "Authorize Only" asks for another round of RADIUS, which a tunnel does not wait for.
                raise OrderRefusedError(orders.UNSUPPORTED_SERVICE, name)
            elif name in _CHANGES and not disconnect:
                changes.append((kind, value))
            elif name not in _PASSED_OVER and not (disconnect and name in _OF_DISCONNECT):
                raise OrderRefusedError(orders.UNSUPPORTED_ATTRIBUTE, name)
    if not named:
        raise OrderRefusedError(orders.MISSING_ATTRIBUTE, "Acct-Session-Id")
    if disconnect:
        said = meaning.text(request.attributes)
        return OrderSessions(backend, server, orders.DISCONNECT, tuple(named), text=said)
    attributes, group = _changes(tuple(changes))
    return OrderSessions(backend, server, orders.CHANGE, tuple(named), attributes, group)


def answer(request: Packet, error: str) -> tuple[int, Attributes]:
    """Code and attributes of the answer; `error` is one of ERROR_CAUSES, or empty."""
    done, refused = _ANSWERS[request.code]
    # RFC 5176 section 3.1: they come back unchanged and in order.
    back = tuple((kind, value) for kind, value in request.attributes if kind == number("Proxy-State"))
    if not error:
        return done, back
    return refused, (pair("Error-Cause", ERROR_CAUSES[error]), *back)


def sent_at(request: Packet) -> int | None:
    """Unix seconds of its Event-Timestamp; None for none, or more than one."""
    values = request.all(number("Event-Timestamp"))
    return int.from_bytes(values[0], "big") if len(values) == 1 and len(values[0]) == 4 else None


def _names_of(kind: int, value: bytes) -> tuple[str, ...]:
    """What an attribute is; raises OrderRefusedError where nobody knows."""
    if kind != VENDOR_SPECIFIC:
        found = tuple(filter(None, (names().get((0, kind)),)))
    else:
        try:
            found = tuple(name for name, _ in meaning.named(((kind, value),)))
        except PeerError:
            raise OrderRefusedError(orders.INVALID_REQUEST, "Vendor-Specific") from None
    if not found:
        raise OrderRefusedError(orders.UNSUPPORTED_ATTRIBUTE, f"number {kind}")
    return found


def _named(name: str, value: bytes) -> Named:
    way = _WAYS[name]
    try:
        if way == orders.BY_IPV4:
            return Named(way, str(ipaddress.IPv4Address(value)))
        if name == "Framed-IPv6-Prefix":
            # RFC 3162 section 2.3; a session has one address, so it is named by nothing shorter.
            if len(value) != 18 or value[1] != 128:
                raise ValueError
            return Named(way, str(ipaddress.IPv6Address(value[2:])))
        if way == orders.BY_IPV6:
            return Named(way, str(ipaddress.IPv6Address(value)))
        return Named(way, value.decode())
    except ValueError:
        raise OrderRefusedError(orders.INVALID_VALUE, name) from None


def _changes(changes: Attributes) -> tuple[tuple[Attribute, ...], str]:
    if not changes:
        raise OrderRefusedError(orders.MISSING_ATTRIBUTE, "nothing to change")
    try:
        reading = meaning.read(changes)
    except PeerError as error:
        raise OrderRefusedError(orders.INVALID_VALUE, error.detail) from None
    filters = [value.decode() for kind, value in changes if kind == number("Filter-Id")]
    if len(filters) > 1:
        raise OrderRefusedError(orders.INVALID_VALUE, "Filter-Id")
    # A Class that reads like a group names one at a login alone.
    return reading.attributes, filters[0] if filters else ""
