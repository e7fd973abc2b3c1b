# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the machine's clock is kept, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.probes.processes import all_processes
from wolfguard.audit.vantage import Vantage

_KEEPERS: Final = ("chronyd", "ntpd", "systemd-timesyn", "ptp4l", "phc2sys")
"""As the kernel has their names: 15 characters."""


def kept(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """By the kernel's own word."""
    there = {name for _, name in all_processes(vantage.place)}
    keepers = tuple(name for name in _KEEPERS if name in there)
    return Observation({"synchronized": vantage.place.clock_kept(), "keepers": keepers}, "adjtimex, /proc/*/comm")
