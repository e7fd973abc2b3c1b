# SPDX-License-Identifier: GPL-3.0-or-later
"""Each client under each profile: what it gets is what docs/reference/clients.yml and README's table say, and whether
that is approved is said wherever the session appears."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.interop import roots, status
from tests.interop.conftest import PASSWORD, Build, Field
from tests.interop.openconnect.datagrams import await_datagram
from tests.interop.openconnect.test_tls import offering
from tests.interop.sweep import clients_table
from wolfguard.cli.demo.client import Client, ClientError
from wolfguard.cli.demo.traffic import ping
from wolfguard.linux.namespace import Topology

REFUSED_TLS = ("handshake_no_hybrid", "handshake_no_group")
REFUSED_DATAGRAM = ("datagram_no_ems", "datagram_no_suite", "datagram_version")
DATAGRAM_ENDED = re.compile(r"Established DTLS connection|DTLS handshake failed")


@dataclass(frozen=True)
class Row:
    """`groups` are those that the OpenSSL of the client is told to offer; empty: it does as it comes."""

    name: str
    root: roots.Root
    groups: str = ""

    def client(self, field: Field) -> Client:
        if self.groups:
            return offering(field, self.groups, dtls=True)
        return Build(self.root, 4).client(field, "alice", PASSWORD, dtls=True)

    def program(self) -> tuple[str, str]:
        """Its version and the library that it says it uses."""
        path = roots.make(self.root)
        command = [*roots.enter(path), self.root.openconnect, "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        version = re.search(r"OpenConnect version v([\d.]+)", said)
        library = re.search(r"Using (GnuTLS|OpenSSL) ([\d.]+\d)", said)
        assert version is not None, said
        assert library is not None, said
        return version.group(1), " ".join(library.groups())


ROWS = [
    Row("openconnect (Debian 12), GnuTLS", roots.BOOKWORM),
    Row("openconnect (Debian 13), GnuTLS", roots.TRIXIE),
    Row("openconnect (sid), GnuTLS", roots.SID),
    Row("openconnect, OpenSSL", roots.OPENSSL),
    Row(
        "openconnect, OpenSSL told to offer the NIST hybrids",
        roots.OPENSSL,
        "SecP256r1MLKEM768:SecP384r1MLKEM1024:P-256",
    ),
]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[clients_table.Results]:
    """What is on file, or with --write-clients what these tests put there."""
    found = clients_table.read()
    yield found
    if request.config.getoption("--write-clients"):
        told = {row.name: found[row.name] for row in ROWS}
        assert all(set(entry["profiles"]) == set(clients_table.PROFILES) for entry in told.values()), "run all of them"
        clients_table.write(told)


def grown(field: Field, before: dict[str, int], names: tuple[str, ...]) -> str:
    """Which of these counters has grown; refusals of TLS are told in sums, once a second."""
    end = time.monotonic() + 5
    while True:
        now = field.counters()
        found = [name for name in names if now.get(name, 0) > before.get(name, 0)]
        if found:
            return found[0]
        assert time.monotonic() < end, f"none of {names} has grown"
        time.sleep(0.1)


def seen(field: Field, client: Client) -> dict[str, Any]:
    """The client's cell, by the gateway's word on its session."""
    before = field.counters()
    try:
        inside = client.connect()
    except ClientError:
        refused = grown(field, before, REFUSED_TLS)
        return {"tls": None, "datagram": None, "refused": refused, "approved": None}
    ping(field.topology.client, Topology.UPSTREAM_V4, count=1)
    established = any("Established DTLS" in line for line in client.output if DATAGRAM_ENDED.search(line))
    datagram = await_datagram(field, inside, up=True) if established else None
    refused = "" if established else grown(field, before, REFUSED_DATAGRAM)
    tls = field.session(inside)["tls"]
    del tls["server_name"]
    approved = tls["approved"] and (datagram is None or datagram["approved"])
    return {"tls": tls, "datagram": datagram, "refused": refused, "approved": approved}


def said_everywhere(field: Field, cell: dict[str, Any], not_approved: int) -> None:
    """The records of the session and the count of the status agree with its cell."""
    lines = [json.loads(line) for line in field.events().splitlines()]
    opened = [each["fields"] for each in lines if each["event"] == "tunnel.opened"][-1]
    tls = cell["tls"]
    assert opened["tls_version"] == tls["version"]
    assert opened["tls_suite"] == tls["suite"]
    assert opened["tls_group"] == tls["group"]
    assert opened["tls_signature"] == tls["signature"]
    assert opened["extended_master_secret"] is tls["extended_master_secret"]
    assert opened["approved"] is tls["approved"]
    assert opened["remarks"] == "; ".join(tls["reasons"])
    if cell["datagram"] is not None:
        told = [each["fields"] for each in lines if each["event"] == "tunnel.datagram"][-1]
        assert told["approved"] is cell["datagram"]["approved"]
        assert told["suite"] == cell["datagram"]["suite"]
        assert told["remarks"] == "; ".join(cell["datagram"]["reasons"])
    table = field.site.wolfguard("sessions", "--crypto").stdout
    for facts in (tls, cell["datagram"]):
        if facts is not None:
            verdict = "yes" if facts["approved"] else "no"
            row = (
                rf"{facts['version']} +{facts['suite']} .*{verdict}[^\n]*{'; '.join(map(re.escape, facts['reasons']))}$"
            )
            assert re.search(rf"(?m){row}", table), table
    counted = status.not_approved(field.site) - not_approved
    assert counted == (0 if cell["approved"] else 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each.name)
def test_a_client(
    swept: tuple[str, Field],
    row: Row,
    clients: list[Client],
    results: clients_table.Results,
    request: pytest.FixtureRequest,
) -> None:
    name, field = swept
    not_approved = status.not_approved(field.site)
    client = row.client(field)
    clients.append(client)
    cell = seen(field, client)
    if cell["tls"] is not None:
        said_everywhere(field, cell, not_approved)
    if request.config.getoption("--write-clients"):
        version, library = row.program()
        entry = results.setdefault(row.name, {"version": version, "library": library, "profiles": {}})
        entry["profiles"][name] = cell
    assert results[row.name]["profiles"][name] == cell
