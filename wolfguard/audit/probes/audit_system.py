# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's audit: its state, and which system calls and files its rules record (auditctl(8))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation, Unobservable
from wolfguard.audit.place import Missing, Program
from wolfguard.audit.vantage import Vantage
from wolfguard.policy import recorded
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
    loaded = recorded.read(rules.text.splitlines())
    seen |= {"calls": tuple(sorted(loaded.calls)), "watches": tuple(sorted(loaded.watches))}
    return Observation({**seen, "unrecorded": recorded.lacking(loaded)}, "auditctl -s, -l")
