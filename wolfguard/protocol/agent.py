# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of client speaks, from its User-Agent: only as far as answers must differ.

Owns the table of prefixes. A client may claim anything here, so nothing that protects the gateway may depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TEXT_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Agent:
    """`family`: openconnect, anyconnect, apple, other. `separate_ipv6_dns`: wants X-CSTP-DNS-IP6 for IPv6 servers.

    `ipv6`: False for clients older than their IPv6 support. `text` is printable and at most 128 characters.
    """

    family: str
    text: str
    separate_ipv6_dns: bool = False
    ipv6: bool = True


# Order matters: "AnyConnect-compatible OpenConnect" would match "AnyConnect" as well.
_PREFIXES: Final = (
    ("open anyconnect vpn agent", "openconnect"),
    ("openconnect vpn agent", "openconnect"),
    ("anyconnect-compatible openconnect", "openconnect"),
    ("cisco anyconnect vpn agent for apple", "apple"),
    ("cisco anyconnect", "anyconnect"),
    ("cisco secure client", "anyconnect"),
    ("anyconnect", "anyconnect"),
)
_BEFORE_IPV6: Final = re.compile(r"open anyconnect vpn agent v[0-3](?:\.|$)", re.ASCII)


def identify(user_agent: str) -> Agent:
    """Always answers; an unknown or absent User-Agent is "other"."""
    text = printable(user_agent, TEXT_LIMIT)
    lowered = text.lower()
    family = next((name for prefix, name in _PREFIXES if lowered.startswith(prefix)), "other")
    return Agent(
        family=family,
        text=text,
        separate_ipv6_dns=family in ("anyconnect", "apple"),
        ipv6=_BEFORE_IPV6.match(lowered) is None,
    )


def printable(text: str, limit: int) -> str:
    """At most `limit` printable ASCII characters of `text`: fit for logs, records and headers."""
    return "".join(character for character in text[:limit] if " " <= character <= "~").strip()
