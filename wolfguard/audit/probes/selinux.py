# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux as the kernel has it now, and as it will be at the next boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wolfguard.audit.observation import Observation
from wolfguard.audit.place import Missing, Place, optional_lines, text
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value

_ENFORCE: Final = "/sys/fs/selinux/enforce"
_CONFIG: Final = "/etc/selinux/config"


def state(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """A kernel without SELinux has it disabled."""
    seen: dict[str, Value] = {"mode": _mode(vantage.place)}
    for line in optional_lines(vantage.place, _CONFIG):
        name, _, value = line.partition("=")
        if name.strip() == "SELINUX":
            seen["configured"] = value.strip().lower()
    return Observation(seen, f"{_ENFORCE}, {_CONFIG}")


def _mode(place: Place) -> str:
    try:
        return "enforcing" if text(place, _ENFORCE).strip() == "1" else "permissive"
    except Missing:
        return "disabled"
