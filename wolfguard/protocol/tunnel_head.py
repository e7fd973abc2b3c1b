# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a CONNECT: the head that ends HTTP on a connection and tells the client its network.

Owns names, order and spelling of the X-CSTP and X-DTLS response headers. Clients compare them by case, take the byte
after the blank line for the first frame, and end the session when a reconnect brings other addresses than before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import quote

from wolfguard.errors import LocalError
from wolfguard.protocol.agent import Agent, printable
from wolfguard.protocol.http import Response

Header = tuple[str, str]

STATUS_LINE: Final = "HTTP/1.1 200 CONNECTED"
RESOLVERS_MAX: Final = 3
"""Clients look at no more than three DNS and three NBNS servers."""
_NEVER: Final = 365 * 86400
_VALUE: Final = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class DatagramOffer:
    """DTLS with a key exported from this TLS connection. The client's first datagram names the tunnel by `app_id`."""

    app_id: bytes = field(repr=False)
    port: int


@dataclass(frozen=True, slots=True)
class TunnelOffer:
    """What the client gets. Times are seconds, 0 means never; an empty address means that the family is absent.

    `remaining`: seconds until the session ends. `server_rekeys`: TLS 1.3, where this side renews keys in place.
    `datagram`: None without a datagram channel; its times are the tunnel's.
    """

    ipv4: str
    ipv4_netmask: str
    ipv6: str
    ipv6_prefix: int
    mtu: int
    base_mtu: int
    server_rekeys: bool
    dns: tuple[str, ...] = ()
    nbns: tuple[str, ...] = ()
    default_domain: str = ""
    split_include: tuple[str, ...] = ()
    split_exclude: tuple[str, ...] = ()
    split_dns: tuple[str, ...] = ()
    banner: str = ""
    dpd: int = 0
    keepalive: int = 0
    rekey: int = 0
    idle_timeout: int = 0
    session_timeout: int = 0
    remaining: int = 0
    disconnected_timeout: int = 0
    datagram: DatagramOffer | None = None


def render(offer: TunnelOffer, agent: Agent) -> bytes:
    """The head, up to and with the blank line. Raises LocalError when the offer cannot be a head."""
    if not (offer.ipv4 or offer.ipv6):
        raise LocalError("a tunnel needs an address: give the group a pool of a family that its clients speak")
    try:
        routes = tuple(_routes(offer, agent))
    except ValueError as error:
        raise LocalError(f"a split network cannot be offered: {error}") from error
    headers = [
        ("X-CSTP-Version", "1"),
        *_addresses(offer),
        *_names(offer, agent),
        *routes,
        *_times(offer),
        *_rekey(offer),
        ("X-CSTP-Base-MTU", str(offer.base_mtu)),
        ("X-CSTP-MTU", str(offer.mtu)),
        *_policy(offer),
        *_datagram(offer),
    ]
    for name, value in headers:
        if _VALUE.fullmatch(value) is None:
            raise LocalError(f"the value for {name} holds characters that a header cannot: change the configuration")
    lines = [STATUS_LINE, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def refuse(status: int, reason: str) -> Response:
    """A refused CONNECT. Clients show X-Reason of a 503 to their user; after a 401 they forget the cookie."""
    text = printable(reason, 200)
    return Response(status, headers=(("X-Reason", text),) if text else ())


def _addresses(offer: TunnelOffer) -> Iterator[Header]:
    if offer.ipv4:
        yield "X-CSTP-Address", offer.ipv4
        yield "X-CSTP-Netmask", offer.ipv4_netmask
    if offer.ipv6:
        yield "X-CSTP-Address-IP6", f"{offer.ipv6}/{offer.ipv6_prefix}"


def _names(offer: TunnelOffer, agent: Agent) -> Iterator[Header]:
    for server in offer.dns[:RESOLVERS_MAX]:
        yield ("X-CSTP-DNS-IP6" if agent.separate_ipv6_dns and ":" in server else "X-CSTP-DNS"), server
    for server in offer.nbns[:RESOLVERS_MAX]:
        yield "X-CSTP-NBNS", server
    if offer.default_domain:
        yield "X-CSTP-Default-Domain", offer.default_domain
    for domain in offer.split_dns:
        yield "X-CSTP-Split-DNS", domain
    yield "X-CSTP-Tunnel-All-DNS", _boolean(not offer.split_include and not offer.split_dns)


def _routes(offer: TunnelOffer, agent: Agent) -> Iterator[Header]:
    included = [ip_network(text) for text in offer.split_include]
    # Clients take a family without an include for "everything". Where the site names networks of one family only,
    # the other one is included with the client's own address, so that nothing more of it is drawn in.
    if included and offer.ipv4 and not any(isinstance(network, IPv4Network) for network in included):
        included.append(ip_network(offer.ipv4))
    if included and offer.ipv6 and not any(isinstance(network, IPv6Network) for network in included):
        included.append(ip_network(offer.ipv6))
    for network in included:
        yield _route("Include", network)
    if not included and offer.ipv6 and agent.family == "apple":
        yield "X-CSTP-Split-Include-IP6", "2000::/3"
    for text in offer.split_exclude:
        yield _route("Exclude", ip_network(text))


def _route(kind: str, network: IPv4Network | IPv6Network) -> Header:
    if isinstance(network, IPv4Network):
        return f"X-CSTP-Split-{kind}", network.with_netmask
    return f"X-CSTP-Split-{kind}-IP6", network.with_prefixlen


def _times(offer: TunnelOffer) -> Iterator[Header]:
    if offer.session_timeout:
        yield "X-CSTP-Lease-Duration", str(offer.session_timeout)
    yield "X-CSTP-Session-Timeout", _seconds(offer.session_timeout)
    yield "X-CSTP-Session-Timeout-Remaining", _seconds(offer.remaining)
    yield "X-CSTP-Idle-Timeout", _seconds(offer.idle_timeout)
    yield "X-CSTP-Disconnected-Timeout", _seconds(offer.disconnected_timeout)
    if offer.dpd:
        yield "X-CSTP-DPD", str(offer.dpd)
    if offer.keepalive:
        yield "X-CSTP-Keepalive", str(offer.keepalive)


def _rekey(offer: TunnelOffer) -> Iterator[Header]:
    """A client never rekeys TLS 1.3 by itself well: it is told of a year, and this side updates keys in time."""
    if offer.server_rekeys:
        yield "X-CSTP-Rekey-Time", str(_NEVER)
        yield "X-CSTP-Rekey-Method", "ssl"
    elif offer.rekey:
        yield "X-CSTP-Rekey-Time", str(offer.rekey)
        yield "X-CSTP-Rekey-Method", "new-tunnel"
    else:
        yield "X-CSTP-Rekey-Method", "none"


def _policy(offer: TunnelOffer) -> Iterator[Header]:
    if offer.banner:
        yield "X-CSTP-Banner", quote(offer.banner, safe="")
    # What the site did not give an address for must not leave the client beside the tunnel.
    yield "X-CSTP-Client-Bypass-Protocol", "false"
    yield "X-CSTP-Smartcard-Removal-Disconnect", "true"
    yield "X-CSTP-Keep", "true"
    yield "X-CSTP-TCP-Keepalive", "true"
    yield "X-CSTP-License", "accept"


def _datagram(offer: TunnelOffer) -> Iterator[Header]:
    """No X-DTLS-MTU, since clients reckon from the base MTU and the suite; no rekeying, which this side starts."""
    if offer.datagram is None:
        return
    yield "X-DTLS-App-ID", offer.datagram.app_id.hex()
    yield "X-DTLS-Port", str(offer.datagram.port)
    if offer.dpd:
        yield "X-DTLS-DPD", str(offer.dpd)
    if offer.keepalive:
        yield "X-DTLS-Keepalive", str(offer.keepalive)
    yield "X-DTLS-CipherSuite", "PSK-NEGOTIATE"


def _seconds(value: int) -> str:
    return str(value) if value > 0 else "none"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
