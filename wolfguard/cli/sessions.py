# SPDX-License-Identifier: GPL-3.0-or-later
"""`wolfguard sessions`: who is there, from where, with which addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wolfguard.cli import output
from wolfguard.cli.client import Client
from wolfguard.cli.options import as_json, examples, socket_path

HEAD = (
    "id",
    "user",
    "group",
    "state",
    "from",
    "IPv4",
    "IPv6",
    "channel",
    "TLS",
    "approved",
    "received",
    "sent",
    "since (UTC)",
)
CRYPTO_HEAD = ("id", "user", "version", "suite", "group", "signature", "EMS", "approved")


@click.command(
    epilog=examples(
        ("wolfguard sessions", "all sessions"),
        ("wolfguard sessions --user alice", "one user's sessions"),
        ("wolfguard sessions --crypto", "what protects them, each channel for itself"),
        ("wolfguard sessions --json | jq '.sessions[].user'", "users for a program"),
    )
)
@click.option("--user", help="Only sessions of this user.")
@click.option("--crypto", is_flag=True, help="Show what each channel settled on: suite, group, signature.")
@socket_path
@as_json
def command(user: str | None, crypto: bool, socket_path: Path, as_json: bool) -> None:
    """List sessions, with or without a tunnel at the moment.

    "channel" is what the client has for its packets: "DTLS 1.2" over UDP where it could make it, else "TLS". It says
    "not approved" where DTLS does without the extended master secret, as the site's profile allows.

    "approved" is about algorithms, by the sources that the site's profile names, on both channels. Whether a validated
    module computes them is said by wolfguard status.

    "received" and "sent" are inner bytes as the gateway counts them: received from the client, sent to it. "EMS" is the
    extended master secret, which TLS 1.3 has built in.
    """
    with Client(socket_path, as_json=as_json) as client:
        found = [item for item in client.pages("/v1/sessions", "sessions", 0) if user in (None, item["user"])]
    if as_json:
        output.print_json({"sessions": found})
    else:
        output.print_lines(render_crypto(found) if crypto else render(found))


def channel(session: dict[str, Any]) -> str:
    """What carries a session's packets; nothing while it has no tunnel."""
    datagram = session["datagram"]
    if datagram is None:
        return "TLS" if session["state"] == "connected" else ""
    return str(datagram["version"]) + ("" if datagram["approved"] else ", not approved")


def approval(session: dict[str, Any]) -> str:
    """Of both channels: what is not approved, else that all is, with what no module's certificate covers."""
    channels = [found for found in (session["tls"], session["datagram"]) if found]
    if not channels:
        return ""
    against = [reason for found in channels if not found["approved"] for reason in found["reasons"] or ["unknown"]]
    if against:
        return f"no: {'; '.join(dict.fromkeys(against))}"
    beside = [reason for found in channels for reason in found["reasons"]]
    return f"yes, {'; '.join(dict.fromkeys(beside))}" if beside else "yes"


def render(sessions: list[dict[str, Any]]) -> list[str]:
    """A table, and their number."""
    rows = [
        (
            item["session"],
            item["user"],
            item["group"],
            item["state"],
            item["peer"],
            item["ipv4"],
            item["ipv6"],
            channel(item),
            f"{item['tls']['version']} {item['tls']['group']}" if item["tls"] else "",
            approval(item),
            output.size(item["received_bytes"]),
            output.size(item["sent_bytes"]),
            output.moment(item["connected"] or item["created"]),
        )
        for item in sessions
    ]
    total = output.count(len(sessions), "session")
    return [*output.table(HEAD, rows, right=("id", "received", "sent")), total] if rows else [total]


def render_crypto(sessions: list[dict[str, Any]]) -> list[str]:
    """A row for each channel of each session. DTLS has its key from TLS, so it has no group and no signature."""
    rows = [
        (
            item["session"],
            item["user"],
            found["version"],
            found["suite"],
            found.get("group"),
            found.get("signature"),
            "yes" if found["extended_master_secret"] else "no",
            approval({"tls": found, "datagram": None}),
        )
        for item in sessions
        for found in (item["tls"], item["datagram"])
        if found
    ]
    return [*(output.table(CRYPTO_HEAD, rows, right=("id",)) if rows else []), output.count(len(sessions), "session")]
