# SPDX-License-Identifier: GPL-3.0-or-later
"""The head that answers a CONNECT: what the client is told about its network. Values are the client's view: what stock
clients make of a header counts, not what a server may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from wolfguard.audit.web.answer import Answer
from wolfguard.policy.expect import Value

_NUMBER: Final = re.compile(r"\d{1,9}")
_APP_ID: Final = re.compile(r"[0-9A-Fa-f]{64}")
_TIMES: Final = {
    "idle_seconds": "x-cstp-idle-timeout",
    "session_seconds": "x-cstp-session-timeout",
    "reconnect_seconds": "x-cstp-disconnected-timeout",
    "dpd_seconds": "x-cstp-dpd",
}


@dataclass(frozen=True, slots=True)
class Datagrams:
    """Where the client's DTLS goes, and by which name its hello is known."""

    port: int
    app_id: bytes = field(repr=False)


def facts(head: Answer) -> dict[str, Value]:
    """By the keys of the probe "session". Times that are never up are left out,
    and so are name servers where there are none."""
    found: dict[str, Value] = {
        "beside": tuple(_beside(head)),
        "other_family_beside": head.header("x-cstp-client-bypass-protocol").lower() == "true",
    }
    if resolvers := head.values("x-cstp-dns") + head.values("x-cstp-dns-ip6"):
        found["resolvers"] = resolvers
    for name, header in _TIMES.items():
        value = head.header(header)
        if _NUMBER.fullmatch(value) and int(value):
            found[name] = int(value)
    return found


def datagrams(head: Answer) -> Datagrams | None:
    """None where the gateway offers no DTLS with a key of the TLS connection."""
    port, app_id = head.header("x-dtls-port"), head.header("x-dtls-app-id")
    if not _NUMBER.fullmatch(port) or not 0 < int(port) < 65536 or not _APP_ID.fullmatch(app_id):
        return None
    return Datagrams(int(port), bytes.fromhex(app_id))


def _beside(head: Answer) -> Iterator[str]:
    """Networks that a client reaches past its tunnel."""
    included = head.values("x-cstp-split-include") + head.values("x-cstp-split-include-ip6")
    # one that is told of no IPv6 network but all of it (as Apple's are) sends everything
    if included and included != ("2000::/3",):
        yield f"everything but {', '.join(map(_network, included))}"
    yield from map(_network, head.values("x-cstp-split-exclude") + head.values("x-cstp-split-exclude-ip6"))


def _network(text: str) -> str:
    """With the length of its prefix; what is no network as it came."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return text
