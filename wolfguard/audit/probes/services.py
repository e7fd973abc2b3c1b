# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd with the settings in force, drop-ins merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Program
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value


def service(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where systemd knows no such unit."""
    unit = arguments["unit"]
    output = vantage.place.run(Program.UNIT, unit)
    if output.code != 0:
        raise Unobservable(f"systemd does not tell of {unit}: {output.why}")
    told = dict(line.partition("=")[::2] for line in output.text.splitlines() if "=" in line)
    if told.get("LoadState", "not-found") == "not-found":
        return Observation(None, f"systemctl show {unit}")
    properties: dict[str, Value] = dict(told)
    seen: dict[str, Value] = {
        "active": told.get("ActiveState", ""),
        "enabled": "masked" if told["LoadState"] == "masked" else told.get("UnitFileState", ""),
        "drop_ins": tuple(told.get("DropInPaths", "").split()),
        "restarts": int(told["NRestarts"]) if told.get("NRestarts", "").isdecimal() else 0,
        "properties": properties,
    }
    return Observation(seen, f"systemctl show {unit}")
