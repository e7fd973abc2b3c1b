# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients between their TLS handshake and their tunnel: one protocol connection each, fed by the data plane.

Owns the table of clients and carries out what their connections command. What strangers can make grow is bounded:
clients in all, bytes of unfinished requests in all, logins in progress; who comes on top is told 503.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from wolfguard.config.site import Configuration, Site
from wolfguard.engine import Opened, Tunnel
from wolfguard.errors import LocalError
from wolfguard.ipc.logins import LoginCancel, Peer, TlsFacts
from wolfguard.ipc.tunnels import TunnelGrant
from wolfguard.procs.log import Log
from wolfguard.procs.worker import plane as shapes
from wolfguard.procs.worker.plane import DataPlane
from wolfguard.procs.worker.reports import BAD_INPUT, Reports
from wolfguard.procs.worker.sessiond import Sessiond
from wolfguard.procs.worker.translation import AWAY_TEXT
from wolfguard.procs.worker.tunnels import Tunnels
from wolfguard.protocol.commands import (
    AskLogin,
    AskLogout,
    AskTunnel,
    CancelLogin,
    Command,
    DropTunnel,
    Fault,
    Report,
    Send,
    StartTunnel,
)
from wolfguard.protocol.connection import Connection
from wolfguard.protocol.events import Event, Lost, Received, Unavailable
from wolfguard.protocol.http import Limits
from wolfguard.protocol.pages import Groups

HELD_MAX: Final = 64 * 1024 * 1024
"""Bytes of unfinished requests in one worker. A login is a few hundred bytes; only an attack comes near."""

log = Log(__name__)

# A broken record is an offence; all other ends of a connection are the network's or the client's own affair.
_OFFENSIVE_ENDS: Final = frozenset({"record_broken"})


@dataclass(slots=True, eq=False)
class Client:
    """One connection. `grant` is set while its tunnel is being started."""

    conn: int
    peer: Peer
    tls: TlsFacts
    site: Site
    connection: Connection
    held: int = 0
    grant: TunnelGrant | None = None
    start: Tunnel | None = None


class Asker(Protocol):
    """Asks sessiond in the client's name; the answer comes back through `Clients.answer`."""

    @property
    def logins(self) -> int: ...
    def login(self, client: Client, command: AskLogin) -> None: ...
    def tunnel(self, client: Client, command: AskTunnel) -> None: ...
    def logout(self, client: Client, command: AskLogout) -> None: ...


class Clients:
    """`asker` is given later by `ask_through`, since each needs the other."""

    def __init__(self, plane: DataPlane, sessiond: Sessiond, tunnels: Tunnels, reports: Reports) -> None:
        self._plane = plane
        self._sessiond = sessiond
        self._tunnels = tunnels
        self._reports = reports
        self._clients: dict[int, Client] = {}
        self._held = 0
        self._sites: dict[str, Site] = {}
        self._groups: dict[str, Groups] = {}
        self._limits = Limits()
        self._clients_max = 0
        self._logins_max = 0
        self._asker: Asker | None = None

    def __len__(self) -> int:
        return len(self._clients)

    def ask_through(self, asker: Asker) -> None:
        self._asker = asker

    def configure(self, configuration: Configuration) -> None:
        """Clients that are here already keep their site as it was."""
        limits = configuration.limits
        self._sites = {site.name: site for site in configuration.sites}
        self._groups = {
            site.name: Groups((group.name, group.label) for group in site.groups) for site in configuration.sites
        }
        self._limits = Limits(header_bytes=limits.header_bytes, body_bytes=limits.body_bytes)
        self._clients_max = limits.half_open + limits.logins
        self._logins_max = limits.logins

    # --- the data plane speaks --------------------------------------------------------------------------------------

    def opened(self, opened: Opened) -> None:
        """A handshake is done, and the first bytes follow."""
        conn, peer = opened.conn, shapes.peer(opened)
        site = self._sites.get(opened.site)
        if site is None or len(self._clients) >= self._clients_max:
            # A site that a reload has just removed, or a flood: no HTTP for either.
            self._reports.add(BAD_INPUT, peer.address, "too_busy" if site is not None else "site_removed")
            self._plane.close(conn)
            return
        connection = Connection(self._groups[site.name], self._limits)
        self._clients[conn] = Client(conn, peer, shapes.tls_facts(opened, site.crypto), site, connection)

    def received(self, conn: int, data: bytes) -> None:
        """Control plaintext of a client; what comes from one who is gone is nobody's."""
        client = self._clients.get(conn)
        if client is None:
            return
        self._handle(client, Received(data))
        if self._held > HELD_MAX and client.held:
            self._handle(client, Unavailable("too_busy", AWAY_TEXT))
        if client.connection.reading:
            self._plane.read(conn)

    def closed(self, conn: int, reason: str) -> None:
        """A connection is gone before its tunnel."""
        client = self._clients.pop(conn, None)
        if client is None:
            self._tunnels.connection_closed(conn)
            return
        if reason in _OFFENSIVE_ENDS:
            self._reports.add(BAD_INPUT, client.peer.address, reason)
        self._handle(client, Lost())
        self._held -= client.held
        client.held = 0

    # --- sessiond has answered --------------------------------------------------------------------------------------

    def answer(self, client: Client, event: Event) -> None:
        """The one answer to what a client's connection asked, also when the client has gone meanwhile."""
        self._handle(client, event)

    def lose_all(self) -> None:
        """The worker is about to end: whatever was asked is not wanted any more."""
        for conn in list(self._clients):
            self.closed(conn, "stopping")
            self._plane.close(conn)

    # --- commands ---------------------------------------------------------------------------------------------------

    def _handle(self, client: Client, event: Event) -> None:
        try:
            commands = client.connection.handle(event)
        except LocalError as error:
            log.error("protocol_fault", peer=client.peer.address, text=str(error))
            self._plane.close(client.conn)
            return
        if client.conn in self._clients:
            held = client.connection.held
            self._held += held - client.held
            client.held = held
        for command in commands:
            self._do(client, command)

    def _do(self, client: Client, command: Command) -> None:
        match command:
            case Send(data, close):
                self._plane.write(client.conn, data, close=close)
            case AskLogin() | AskTunnel() | AskLogout():
                self._ask(client, command)
            case StartTunnel(head):
                self._start_tunnel(client, head)
            case DropTunnel():
                self._drop_tunnel(client)
            case CancelLogin(flow):
                self._sessiond.notify(LoginCancel(flow))
            case Report(label, detail):
                self._reports.add(BAD_INPUT, client.peer.address, label, detail=detail)
            case Fault(text):
                log.error("answer_impossible", site=client.site.name, text=text)

    def _ask(self, client: Client, command: AskLogin | AskTunnel | AskLogout) -> None:
        asker = self._asker
        if asker is None:
            raise LocalError("clients were let in before there was anybody to ask")
        match command:
            case AskLogin():
                if asker.logins >= self._logins_max:
                    self._handle(client, Unavailable("too_busy", AWAY_TEXT))
                else:
                    asker.login(client, command)
            case AskTunnel():
                asker.tunnel(client, command)
            case AskLogout():
                asker.logout(client, command)

    def _start_tunnel(self, client: Client, head: bytes) -> None:
        grant, start = client.grant, client.start
        if grant is None or start is None:
            raise LocalError("a tunnel was started that nobody granted")
        if self._clients.pop(client.conn, None) is not None:
            self._held -= client.held
            client.held = 0
        try:
            key = (grant.session, grant.epoch)
            self._tunnels.hand_over(client.conn, head, start, key, client.peer.address)
        except ValueError as error:
            log.error("tunnel_impossible", session=grant.session, text=str(error))
            self._tunnels.connection_closed(client.conn)
            self._plane.close(client.conn)

    def _drop_tunnel(self, client: Client) -> None:
        if client.grant is not None:
            self._tunnels.drop((client.grant.session, client.grant.epoch))
            client.grant = client.start = None
