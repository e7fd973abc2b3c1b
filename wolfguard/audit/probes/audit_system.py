# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's audit: its state, and which system calls and files its rules record (auditctl(8))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Missing, Program
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.expect import Value


def kernel_audit(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Absent where there is no auditctl to ask."""
    try:
        status = vantage.place.run(Program.AUDIT_STATUS)
        rules = vantage.place.run(Program.AUDIT_RULES)
    except Missing:
        return Observation(None, "auditctl")
    if status.code != 0 or rules.code != 0:
        raise Unobservable(f"auditctl does not tell: {(status if status.code else rules).why}")
    told = dict(line.partition(" ")[::2] for line in status.text.splitlines())
    seen: dict[str, Value] = {
        name: int(told[name]) for name in ("enabled", "failure", "lost") if told.get(name, "").isdecimal()
    }
    calls: set[str] = set()
    watches: set[str] = set()
    for line in rules.text.splitlines():
        if line.startswith("-a never") or ",never" in line:
            continue
        for listed in re.findall(r"-S (\S+)", line):
            calls.update(listed.split(","))
        watches.update(re.findall(r"(?:-w |-F path=|-F dir=)(\S+)", line))
    return Observation({**seen, "calls": tuple(sorted(calls)), "watches": tuple(sorted(watches))}, "auditctl -s, -l")
