# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client asks for with CONNECT: its headers, read into a bounded, checked request.

Owns names, bounds and defaults of the X-CSTP request headers; the answer is written by `tunnel_head`. Of the headers of
the datagram channel one word of one is looked for and none is kept: X-DTLS-Master-Secret may hold the key of an earlier
session in the clear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wolfguard.errors import PeerError
from wolfguard.protocol import cookies, mtu
from wolfguard.protocol.agent import Agent, identify, printable
from wolfguard.protocol.http import Request
from wolfguard.secret import Secret

# Clavister's Android client leaves the slash out.
PATHS: Final = frozenset({"/CSCOSSLC/tunnel", "CSCOSSLC/tunnel"})
HOSTNAME_MAX: Final = 64
MTU_CLAMPED: Final = "connect_mtu_clamped"

# What an interface may claim at most (loopback does): larger than any path carries, but no attack.
_CLAIM_MAX: Final = 65535
_NUMBER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_FAMILIES: Final = frozenset({"ipv4", "ipv6"})
# Among the suites of X-DTLS-CipherSuite: the client can take the key of DTLS from TLS. What else stands there is the
# older way, with a master secret of the client's choice, which is not offered.
_PSK_NEGOTIATE: Final = "PSK-NEGOTIATE"


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """A CONNECT. `base_mtu` is the path's, `mtu` the wish for inner packets; both are sane, whatever was sent.

    `mtu` 0 means no wish. `psk_negotiate`: it would take DTLS with a key exported from its TLS connection. `notes` are
    labels of what had to be corrected, for events.
    """

    cookie: Secret
    agent: Agent
    hostname: str
    base_mtu: int
    mtu: int
    want_ipv4: bool
    want_ipv6: bool
    psk_negotiate: bool = False
    notes: tuple[str, ...] = ()


def parse(request: Request) -> TunnelRequest:
    """Raises PeerError: connect_address_type, connect_cookie, connect_cookie_missing, connect_mtu, connect_version."""
    version = request.header("x-cstp-version")
    if version not in ("", "1"):
        raise PeerError("connect_version", f"X-CSTP-Version {printable(version, 16)!r}")
    cookie = cookies.find_session(request)
    agent = identify(request.header("user-agent"))
    asked_base = _size(request, "x-cstp-base-mtu")
    asked = _size(request, "x-cstp-mtu")
    base = mtu.clamp_base(asked_base)
    wish = min(max(asked, mtu.DATA_MIN), mtu.DATA_MAX) if asked else 0
    families = _families(request)
    # Without the capability a client expects IPv6 in an older form, which nobody sends any more.
    full_ipv6 = request.header("x-cstp-full-ipv6-capability").lower() == "true"
    return TunnelRequest(
        cookie=cookie,
        agent=agent,
        hostname=printable(request.header("x-cstp-hostname"), HOSTNAME_MAX),
        base_mtu=base,
        mtu=wish,
        want_ipv4="ipv4" in families,
        want_ipv6="ipv6" in families and full_ipv6 and agent.ipv6,
        psk_negotiate=_PSK_NEGOTIATE in request.header("x-dtls-ciphersuite").split(":"),
        notes=(MTU_CLAMPED,) if _absurd(asked_base, mtu.BASE_MIN) or _absurd(asked, mtu.DATA_MIN) else (),
    )


def _size(request: Request, name: str) -> int:
    value = request.header(name)
    if not value:
        return 0
    if _NUMBER.fullmatch(value) is None:
        raise PeerError("connect_mtu", f"{name} is no number of at most six digits")
    return int(value)


def _absurd(size: int, least: int) -> bool:
    return size != 0 and not least <= size <= _CLAIM_MAX


def _families(request: Request) -> frozenset[str]:
    value = request.header("x-cstp-address-type")
    if not value:
        return frozenset({"ipv4"})
    families = frozenset(word.strip().lower() for word in value.split(",")) & _FAMILIES
    if not families:
        raise PeerError("connect_address_type", printable(value, 32))
    return families
