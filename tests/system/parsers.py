# SPDX-License-Identifier: GPL-3.0-or-later
"""What parses foreign bytes in confined processes, found in the code, and the function to force in each place.

A parser is a module that refuses input: it raises PeerError, an error made of it, or MalformedNetlinkError. One that is
in no process's list here is noticed by `test_exceptions.py`. Handlers of messages come from the dispatch table.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from tests.system import tour
from wolfguard.ipc.dispatch_table import ROWS
from wolfguard.sandbox.processes import PROCESSES

TREE = Path(__file__).resolve().parents[2]
REFUSALS: Final = frozenset({"PeerError", "MalformedNetlinkError"})

CHANNEL: Final = ("wolfguard.ipc.packet:parse", "wolfguard.ipc.codec:load", "wolfguard.ipc.channel:Channel._take")
"""In every process: what any other may send it."""

FORCED: Final = {
    "worker": (
        "wolfguard.protocol.http:HttpServer.receive",
        "wolfguard.protocol.connection:Connection._route",
        "wolfguard.protocol.login:parse",
        "wolfguard.protocol.markup:parse",
        "wolfguard.protocol.cookies:find_session",
        "wolfguard.protocol.tunnel:parse",
    ),
    "mgmtd": (
        "wolfguard.protocol.http:HttpServer.receive",
        "wolfguard.procs.mgmtd.routes:find",
        "wolfguard.procs.mgmtd.routes:arguments",
    ),
    "netd": (
        "wolfguard.linux.netlink:messages",
        "wolfguard.linux.netlink:read_acknowledgement",
        "wolfguard.linux.rtnetlink:read_route",
        "wolfguard.linux.conntrack:delete_matching",
        "wolfguard.linux.netlink_socket:NetlinkSocket._receive",
        "wolfguard.linux.nft_counters:read_counter",
    ),
    "sessiond": ("wolfguard.auth.grant:read",),
}
WITH_RADIUS: Final = (
    "wolfguard.auth.radius.packet:decode",
    "wolfguard.auth.radius.protection:Token.check",
    "wolfguard.auth.radius.line:Line.receive",
    "wolfguard.auth.radius.exchange:answer",
    "wolfguard.auth.radius.attributes:read",
    "wolfguard.crypto.client:TlsClient.read",
    "wolfguard.procs.authd.links:Link._take",
)
"""In authd, where the site has a RADIUS backend: `tests/interop/radius/test_login.py` forces them."""

EVENTS: Final = {
    "worker": (
        "wolfguard.procs.worker.clients:Clients.opened",
        "wolfguard.procs.worker.clients:Clients.received",
        "wolfguard.procs.worker.clients:Clients.closed",
        "wolfguard.procs.worker.tunnels:Tunnels.closed",
        "wolfguard.procs.worker.datagrams:Datagrams.happened",
    ),
}
"""Of the data plane, which clients cause."""

WHEN_SESSIOND_STARTS: Final = {
    "worker": ("handler:sessiond.ListTunnels",),
    "netd": ("handler:sessiond.ListRoutes",),
}

AT_A_RELOAD: Final = {"worker": ("handler:sessiond.SetRates",)}

ELSEWHERE: Final = {
    "wolfguard.crypto.signer": "keyd's answers are read in C; it says in words of its own that there is no signature",
    "wolfguard.protocol.frame": "the reference for the C parser; processes take its names of codes alone",
}


def modules() -> set[str]:
    """Every module of the package that refuses foreign input."""
    found = set()
    for path in sorted((TREE / "wolfguard").rglob("*.py")):
        if _refuses(ast.parse(path.read_text("utf-8"))):
            found.add(".".join(path.relative_to(TREE).with_suffix("").parts))
    return found


def handlers(process: str) -> tuple[str, ...]:
    """Targets for the messages of other processes; the supervisor's are its own words, checked by the codec."""
    every = (
        f"handler:{sender}.{message}" for sender, receiver, message, *_ in ROWS if _meant(process, sender, receiver)
    )
    apart = (*WHEN_SESSIOND_STARTS.get(process, ()), *AT_A_RELOAD.get(process, ()))
    return tuple(target for target in every if target not in apart)


def _meant(process: str, sender: str, receiver: str) -> bool:
    return receiver == process and sender != "supervisor" and receiver not in tour.NOT_ASKED


def targets(process: str) -> tuple[str, ...]:
    """Everything to be forced in a process, but for its channels."""
    return (*FORCED.get(process, ()), *EVENTS.get(process, ()), *handlers(process))


def forced_modules() -> set[str]:
    every = [target for process in PROCESSES for target in (*FORCED.get(process, ()), *CHANNEL)]
    every += WITH_RADIUS
    return {target.partition(":")[0] for target in every}


def _refuses(tree: ast.Module) -> bool:
    made = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(_name(base) in REFUSALS for base in node.bases)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func) in REFUSALS | made:
            return True
        # A refusal that a function makes for others to raise.
        if (
            isinstance(node, ast.Return)
            and isinstance(node.value, ast.Call)
            and _name(node.value.func) in REFUSALS | made
        ):
            return True
    return False


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
