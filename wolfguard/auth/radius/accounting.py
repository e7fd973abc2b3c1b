# SPDX-License-Identifier: GPL-3.0-or-later
"""An event of accounting as the attributes of an Accounting-Request (RFC 2866, 2869, 3162, 6911).

Owns which attributes we send and how numbers of 64 bits are cut. Event-Timestamp says when it happened and never
changes, so that a server knows an event that it gets twice; Acct-Delay-Time says how long ago that is by now (RFC 2866
section 5.2), so it is another request, with another number, each time that one is made. Must not know servers.
"""

from __future__ import annotations

import base64
import ipaddress
from typing import Final

from wolfguard.auth.radius.dictionary import pair
from wolfguard.auth.radius.packet import Attributes
from wolfguard.ipc.accounting import INTERIM, OFF, ON, START, STOP, AccountingEvent

STATUS_TYPES: Final = {START: 1, STOP: 2, INTERIM: 3, ON: 7, OFF: 8}
# By the words of `ipc.accounting.CAUSES`.
TERMINATE_CAUSES: Final = {
    "user-request": 1,
    "lost-carrier": 2,
    "idle-timeout": 4,
    "session-timeout": 5,
    "admin-reset": 6,
    "admin-reboot": 7,
    "nas-error": 9,
    "nas-reboot": 11,
    "port-preempted": 13,
}
_AUTHENTIC_RADIUS: Final = 1
_NAS_PORT_VIRTUAL: Final = 5
_WORD: Final = 1 << 32
_AGENT_MAX: Final = 200


def request(event: AccountingEvent, *, nas: str, now: float) -> Attributes:
    """`now` is Unix seconds; a clock that was set back makes no negative delay."""
    found = [
        pair("Acct-Status-Type", STATUS_TYPES[event.kind]),
        pair("NAS-Identifier", nas),
        pair("Event-Timestamp", event.time % _WORD),
        pair("Acct-Delay-Time", min(max(0, int(now) - event.time), _WORD - 1)),
    ]
    if event.kind in (ON, OFF):
        # RFC 2866 section 5.5: every accounting packet has one. No session has this name.
        return (*found, pair("Acct-Session-Id", f"{event.kind}-{event.time}"))
    found += [
        pair("Acct-Session-Id", event.id),
        pair("User-Name", event.user),
        pair("Acct-Authentic", _AUTHENTIC_RADIUS),
        pair("NAS-Port-Type", _NAS_PORT_VIRTUAL),
        pair("Called-Station-Id", event.site),
    ]
    if event.address:
        found.append(pair("Calling-Station-Id", event.address))
    agent = "".join(character for character in event.user_agent[:_AGENT_MAX] if character.isprintable())
    if agent:
        found.append(pair("Connect-Info", agent))
    if event.group:
        found.append(pair("Filter-Id", event.group))
    if event.ipv4:
        found.append(pair("Framed-IP-Address", ipaddress.IPv4Address(event.ipv4).packed))
    if event.ipv6:
        address = ipaddress.IPv6Address(event.ipv6).packed
        # RFC 3162 for servers of before RFC 6911: the same address as a prefix of its whole length.
        found += [pair("Framed-IPv6-Address", address), pair("Framed-IPv6-Prefix", b"\0\x80" + address)]
    found += [pair("Class", base64.b64decode(each)) for each in event.classes]
    if event.kind != START:
        found += _carried(event)
    if event.kind == STOP:
        found.append(pair("Acct-Terminate-Cause", TERMINATE_CAUSES[event.cause]))
    return tuple(found)


def _carried(event: AccountingEvent) -> Attributes:
    """RFC 2866 section 5.3 counts from the port's side: input is what the user sent. RFC 2869 sections 5.1, 5.2."""
    traffic = event.traffic
    return (
        pair("Acct-Session-Time", max(0, event.time - event.began)),
        pair("Acct-Input-Octets", traffic.received_bytes % _WORD),
        pair("Acct-Output-Octets", traffic.sent_bytes % _WORD),
        pair("Acct-Input-Gigawords", traffic.received_bytes // _WORD % _WORD),
        pair("Acct-Output-Gigawords", traffic.sent_bytes // _WORD % _WORD),
        pair("Acct-Input-Packets", traffic.received_packets % _WORD),
        pair("Acct-Output-Packets", traffic.sent_packets % _WORD),
    )
