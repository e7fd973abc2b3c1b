# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests and benchmarks read of a running gateway. Names of counters that more than one file uses stand here."""

from __future__ import annotations

import json
from typing import Any

from wolfguard.cli.demo.site import Site

# DTLS records from clients and to them, and the system calls that moved them
DATAGRAMS_IN, DATAGRAMS_OUT = "datagrams_in", "datagrams_out"
OUTSIDE_READS, OUTSIDE_WRITES = "outside_reads", "outside_writes"
# inner packets, and the system calls on the TUN that moved them
PACKETS_IN, PACKETS_OUT = "rx_packets", "tx_packets"
TUN_READS, TUN_WRITES = "tun_reads", "tun_writes"
# a client whose DTLS the profile refuses for want of the extended master secret
DATAGRAM_NO_EMS = "datagram_no_ems"


def counters(site: Site) -> dict[str, int]:
    """All that are not zero."""
    return {str(name): int(value) for name, value in _status(site)["counters"].items()}


def not_approved(site: Site) -> int:
    """Sessions since the start that have used what is not approved."""
    return int(_status(site)["not_approved"])


def workers(site: Site) -> dict[int, int]:
    """Slots and the processes in them."""
    processes = _status(site)["processes"]
    return {int(each["slot"]): int(each["pid"]) for each in processes if each["process"] == "worker"}


def session(site: Site, inside: str) -> dict[str, Any]:
    """The session that has this inside address."""
    sessions = json.loads(site.wolfguard("sessions", "--json").stdout)["sessions"]
    found: dict[str, Any] = next(each for each in sessions if each["ipv4"] == inside)
    return found


def _status(site: Site) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(site.wolfguard("status", "--json").stdout)
    return status
