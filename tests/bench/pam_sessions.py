# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session costs that PAM holds open: the memory of its helper, which stays as long as the session does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from tests.bench.figure import Figure, descendants, machine
from tests.interop import pam_ground
from tests.interop.raw import Raw
from wolfguard.cli.demo.site import Site
from wolfguard.linux.namespace import Topology

COUNT: Final = 100
NAME: Final = "held"
BACKEND: Final[dict[str, Any]] = {"name": NAME, "type": "pam", "pam": {"service": f"wg-{NAME}", "session": True}}


def run(topology: Topology, site: Site) -> list[Figure]:
    """On a gateway with BACKEND, whose group has its name."""
    before = _memory(site)
    for _ in range(COUNT):
        client = Raw.open(topology.client, str(site.authority))
        client.log_in("pia", pam_ground.PASSWORD, NAME)
        client.close()
    per_session = (_memory(site) - before) / COUNT / 1024
    conditions = (
        f"{machine()}; PSS of nursery with all helpers, {COUNT} sessions through pam_unix against none, by {COUNT}"
    )
    return [Figure("pam_session_mib", per_session, "MiB", "", conditions)]


def _memory(site: Site) -> int:
    """KiB of nursery and its helpers; what they share counts once."""
    processes = json.loads(site.wolfguard("status", "--json").stdout)["processes"]
    (nursery,) = [each["pid"] for each in processes if each["process"] == "nursery"]
    total = 0
    for pid in descendants(nursery):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        except OSError:
            continue  # it ended while we looked
        found = re.search(r"(?m)^Pss:\s+(\d+) kB", text)
        total += int(found[1]) if found else 0
    return total
