# SPDX-License-Identifier: GPL-3.0-or-later
"""How a session ends: cookie dead, tunnel told, routes gone, addresses at rest, record made: one way for all."""

from __future__ import annotations

from typing import Final

from wolfguard.ipc.errors import IpcError
from wolfguard.ipc.routes import HostRoute
from wolfguard.ipc.tunnels import EndTunnel
from wolfguard.procs.log import Log
from wolfguard.procs.sessiond.sessions import CONNECTED, EXPIRED, NOT_BACK, Session
from wolfguard.procs.sessiond.state import State
from wolfguard.records.schema import SUCCESS
from wolfguard.store.interface import PutRest, RestRow

log = Log(__name__)

KICKED: Final = "administrator"
USER_LEFT: Final = "user-left"
IDLE: Final = "idle-timeout"
REPLACED: Final = "replaced-by-login"
REMOVED: Final = "account-removed"
STOPPED: Final = "gateway-stopped"
ORDERED: Final = "server-disconnect"
PASSWORD_SET: Final = "password-set"  # noqa: S105 - a label

# What the person sees; the client quits and does not try to come back.
_TEXTS: Final = {
    KICKED: "An administrator ended your session.",
    EXPIRED: "Your session has reached its time limit. Log in again.",
    IDLE: "Your session was idle for too long. Log in again.",
    REPLACED: "You logged in elsewhere.",
    REMOVED: "Your account was removed.",
    ORDERED: "Your session was ended by your organisation.",
    STOPPED: "The gateway is shutting down.",
    PASSWORD_SET: "Your password was changed. Log in again.",
}


# In the words of accounting; reasons without an entry are ours.
_CAUSES: Final = {
    USER_LEFT: "user-request",
    NOT_BACK: "lost-carrier",
    IDLE: "idle-timeout",
    EXPIRED: "session-timeout",
    KICKED: "admin-reset",
    REMOVED: "admin-reset",
    ORDERED: "admin-reset",
    PASSWORD_SET: "admin-reset",
    STOPPED: "admin-reboot",
    REPLACED: "port-preempted",
}


def host_routes(session: Session) -> tuple[HostRoute, ...]:
    """The routes of a session's inside addresses; without a tunnel they name slot 0 (for their drop)."""
    networks = [f"{session.ipv4}/32"] if session.ipv4 else []
    networks += [f"{session.ipv6}/128"] if session.ipv6 else []
    slot = max(session.slot, 0)
    return tuple(HostRoute(network, slot, session.mtu, session.epoch, session.access) for network in networks)


def end_session(state: State, session: Session, reason: str, text: str = "") -> None:
    """Ends it at once in memory; durable with the next flush. `text` is shown to the user, a fitting one if empty."""
    now = state.clock()
    routes = host_routes(session)
    slot, epoch, connected = session.slot, session.epoch, session.state == CONNECTED
    state.sessions.end(session)
    state.ledger.touch(("session", session.number))
    for told in state.told_of_ends:
        told(session.number)
    if connected:
        state.spawn(end_tunnel(state, slot, session.number, epoch, text or _TEXTS.get(reason, "")), "end-tunnel")
    if routes:
        state.routes.drop(routes)
    for address in filter(None, (session.ipv4, session.ipv6)):
        rest = state.pools.release(address, now)
        if rest is not None:
            state.ledger.change(PutRest(RestRow(rest.address, rest.owner, int(rest.until) + 1)))
    state.accounts.ended(session, _CAUSES.get(reason, "nas-error"))
    traffic = state.accounts.traffic(session)
    state.ledger.record(
        "session.ended",
        SUCCESS,
        who=session.user,
        where=session.peer.address if session.peer else "",
        session=session.number,
        reason=reason,
        site=session.site,
        group=session.group,
        ipv4=session.ipv4,
        ipv6=session.ipv6,
        seconds=max(0, int(now) - session.created),
        received_bytes=traffic.received_bytes,
        sent_bytes=traffic.sent_bytes,
        received_packets=traffic.received_packets,
        sent_packets=traffic.sent_packets,
    )


async def end_tunnel(state: State, slot: int, session: int, epoch: int, text: str | None) -> None:
    """Tells the worker of a slot to end a tunnel: with a goodbye and `text`, or silently (None)."""
    channel = state.workers.get(slot)
    if channel is None:
        return
    try:
        await channel.request(EndTunnel(session, epoch, text is not None, text or ""))
    except IpcError as error:
        # A worker that ends or hangs loses its tunnels anyway; its successor is asked what it carries.
        log.warning("tunnel_not_ended", session=session, slot=slot, error=str(error))
