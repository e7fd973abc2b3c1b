# SPDX-License-Identifier: GPL-3.0-or-later
"""sessiond's answers in the protocol's shapes.

Owns the mapping between `ipc.messages` and `protocol`, which know nothing of each other. Pure: the time comes in.
"""

from __future__ import annotations

from typing import Final

from wolfguard.errors import LocalError
from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.logins import LoginAnswer, LoginForm
from wolfguard.ipc.tunnels import TunnelGrant
from wolfguard.protocol.events import (
    Event,
    LoginCompleted,
    LoginPrompted,
    LoginRefused,
    TunnelRefused,
    Unavailable,
)
from wolfguard.protocol.login_page import Field, Form
from wolfguard.protocol.mtu import carries_ipv6
from wolfguard.protocol.tunnel_head import DatagramOffer, TunnelOffer

REFUSED_TEXT: Final = "Login refused"
AWAY_TEXT: Final = "The gateway is busy or restarting; try again in a few seconds"
DEAD_COOKIE_TEXT: Final = "The session has ended; log in again"

# A herd of clients that connected together must not rekey together.
_SPREAD_STEPS: Final = 64
_SPREAD_SHARE: Final = 8


def login(answer: LoginAnswer) -> Event:
    """Raises LocalError for an answer that lacks what its state promises."""
    if answer.state == "form" and answer.form is not None:
        return LoginPrompted(answer.flow, form(answer.form))
    if answer.state == "done" and answer.cookie is not None:
        return LoginCompleted(answer.flow, answer.cookie, answer.banner)
    if answer.state == "refused":
        return LoginRefused(answer.reason or REFUSED_TEXT)
    raise LocalError(f"sessiond answered a login with state {answer.state!r} and too little: see its log")


def form(given: LoginForm) -> Form:
    fields = tuple(
        Field(name=each.name, kind=each.kind, label=each.label, value=each.value, choices=each.choices)
        for each in given.fields
    )
    return Form(given.auth_id, given.message, given.error, given.banner, fields)


def offer(
    grant: TunnelGrant,
    *,
    base_mtu: int,
    tls13: bool,
    remaining: int,
    rekey: int,
    disconnected_timeout: int,
    datagram: DatagramOffer | None,
) -> TunnelOffer:
    """`remaining` and `rekey` are seconds, 0 means never. IPv6 is left out where the MTU cannot carry it."""
    ipv6 = grant.ipv6 if carries_ipv6(grant.mtu) else ""
    return TunnelOffer(
        ipv4=grant.ipv4,
        ipv4_netmask=grant.ipv4_netmask,
        ipv6=ipv6,
        ipv6_prefix=grant.ipv6_prefix,
        mtu=grant.mtu,
        base_mtu=base_mtu,
        server_rekeys=tls13,
        dns=grant.dns,
        nbns=grant.nbns,
        default_domain=grant.default_domain,
        split_include=grant.split_include,
        split_exclude=grant.split_exclude,
        split_dns=grant.split_dns,
        banner=grant.banner,
        dpd=grant.dpd,
        keepalive=grant.keepalive,
        rekey=rekey,
        idle_timeout=grant.idle_timeout,
        session_timeout=grant.session_timeout,
        remaining=remaining,
        disconnected_timeout=disconnected_timeout,
        datagram=datagram,
    )


def tunnel_refusal(error: IpcError) -> Event:
    """An ipc error in answer to TunnelOpen."""
    match error.code:
        case "cookie":
            return TunnelRefused(401, DEAD_COOKIE_TEXT)
        case "denied":
            return TunnelRefused(403, error.text)
        case "busy":
            return TunnelRefused(503, error.text or AWAY_TEXT)
    return Unavailable("unavailable", AWAY_TEXT)


def login_refusal(error: IpcError) -> Event:
    """An ipc error in answer to LoginStep."""
    if error.code == "busy":
        return Unavailable("too_busy", AWAY_TEXT)
    return Unavailable("unavailable", AWAY_TEXT)


def spread(seconds: int, session: int) -> int:
    """A period made up to an eighth shorter, by the session's number."""
    return seconds - seconds * (session % _SPREAD_STEPS) // (_SPREAD_STEPS * _SPREAD_SHARE)


def remaining(expires: int, now: float) -> int:
    """Seconds until `expires` (Unix seconds, 0 means never), at least one."""
    return max(1, expires - int(now)) if expires else 0
