# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway's counters as tests read them. The names that more than one test file uses stand here."""

from __future__ import annotations

import json

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
    status = json.loads(site.wolfguard("status", "--json").stdout)
    return {str(name): int(value) for name, value in status["counters"].items()}
