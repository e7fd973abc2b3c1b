# SPDX-License-Identifier: GPL-3.0-or-later
"""A management socket with a real mgmtd server and fake processes behind it, for commands that ask the gateway."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.procs.mgmtd.peers_fakes import FakePeer, Gateway, gateway
from wolfguard.crypto.library import LibraryIdentity
from wolfguard.ipc.life import Fact
from wolfguard.ipc.logins import TlsFacts
from wolfguard.ipc.management import (
    AskNetdStatus,
    AskSessiondStatus,
    AskSupervisorStatus,
    AskWorkerStatus,
    Counter,
    ListSessions,
    ListUsers,
    NetdStatus,
    PolicyFact,
    ProcessStatus,
    SessiondStatus,
    SessionInfo,
    SessionTable,
    SupervisorStatus,
    UserInfo,
    UserTable,
    WorkerStatus,
)
from wolfguard.ipc.tunnels import DTLS12, DatagramFacts
from wolfguard.procs.mgmtd.evidence import EvidenceKey
from wolfguard.procs.mgmtd.roles import Accounts, Role

STARTED = 1_782_864_000  # 2026-07-01 00:00:00 UTC

DTLS = DatagramFacts(DTLS12, "TLS_PSK_WITH_AES_256_GCM_SHA384", extended_master_secret=True, approved=True)
TLS = TlsFacts(
    "TLS 1.3", "TLS_AES_256_GCM_SHA384", "secp256r1", "ecdsa_secp256r1_sha256", True, "vpn.example.org", approved=True
)


def session(number: int, user: str, *, tunnel: bool = True) -> SessionInfo:
    return SessionInfo(
        session=number,
        user=user,
        group="staff" if tunnel else "",
        site="main",
        state="connected" if tunnel else "waiting",
        peer="192.0.2.7",
        user_agent="AnyConnect-compatible OpenConnect VPN Agent v9.12",
        hostname="laptop",
        ipv4=f"10.99.0.{number}",
        ipv6=f"2001:db8::{number}" if tunnel else "",
        slot=0,
        tls=TLS if tunnel else None,
        datagram=DTLS if tunnel else None,
        created=STARTED,
        connected=STARTED + 60 if tunnel else 0,
        expires=STARTED + 86400,
        received_bytes=1536 * number,
        sent_bytes=7 * 1024**3,
        received_packets=10,
        sent_packets=20,
        policy=(PolicyFact("access", "contractors", "group"), PolicyFact("idle_timeout", "600", "server")),
    )


@contextmanager
def running(folder: Path, role: Role = Role.ADMIN, evidence: EvidenceKey | None = None) -> Iterator[Gateway]:
    """Serves in a thread of its own until the block ends; this process has `role`."""
    ready = threading.Event()
    found: list[Gateway] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        done = asyncio.Event()
        accounts = Accounts({os.getgid(): role}, {os.getuid(): "tester"})
        async with gateway(folder, accounts, evidence=evidence) as site:
            found.append(site)
            loops.append((asyncio.get_running_loop(), done))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        loop, done = loops[0]
        loop.call_soon_threadsafe(done.set)
        thread.join(10)


def fill(site: Gateway) -> None:
    """Answers for the commands that look."""
    netd, worker = FakePeer(), FakePeer()
    site.peers.attach("netd", 0, netd)
    site.peers.attach("worker", 0, worker)
    confined = (Fact("seccomp", "filter"), Fact("capabilities", "none"))
    processes = (
        ProcessStatus("keyd", 0, 1001, "ready", STARTED, 0, confined),
        ProcessStatus("worker", 0, 1002, "ready", STARTED + 3000, 2, (*confined, Fact("landlock", "4"))),
        ProcessStatus("worker", 1, 0, "restarting", STARTED + 3590, 3, ()),
    )
    listeners = ("[::]:443/tcp", "[::]:443/udp")
    site.supervisor.answers[AskSupervisorStatus] = SupervisorStatus("0.1.0", 2, STARTED, processes, listeners)
    pools = (Fact("10.99.0.0/16", "2 leased, 1 resting, of 65533"),)
    site.sessiond.answers[AskSessiondStatus] = SessiondStatus(2, 1, pools, 40, (Fact("state", "writable"),))
    netd.answers[AskNetdStatus] = NetdStatus(2, (Fact("firewall", "loaded"),))
    counters = (Counter("drop_spoofed_source", 3), Counter("handshakes", 12), Counter("drop_short", 0))
    library = LibraryIdentity("5.9.2", "/lib/libwolfssl.so.45", "ab" * 32, "a source", "none", "This is a test.", "")
    facts = (*(Fact(name, value) for name, value in library.facts().items()), Fact("offload", "tso tro"))
    worker.answers[AskWorkerStatus] = WorkerStatus(1, 2, counters, facts)
    site.sessiond.answers[ListSessions] = SessionTable((session(1, "alice"), session(2, "bob\x1b[2J", tunnel=False)), 0)
    users = (
        UserInfo("alice", ("staff", "admins"), 0, 0, STARTED, STARTED + 60),
        UserInfo("bob", (), STARTED + 900, 5, STARTED, 0),
    )
    site.sessiond.answers[ListUsers] = UserTable(users, "")
