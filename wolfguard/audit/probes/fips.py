# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on the cryptographic module. The judgement is `wolfguard.fips.verdict`, this turns it into values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wolfguard.audit.observation import Observation
from wolfguard.audit.vantage import Vantage
from wolfguard.fips import host
from wolfguard.fips import verdict as judgement
from wolfguard.fips.steps import Level, Limits, Outcome
from wolfguard.policy.expect import Value


def verdict(vantage: Vantage, arguments: Mapping[str, Any]) -> Observation:
    """Of this process and of those of the gateway."""
    facts, machine = vantage.module()
    found = judgement.judge(facts, Limits())
    about = host.report(machine, None if facts.snapshot is None else facts.snapshot.systems)

    steps: dict[str, Value] = {step.name: step.outcome.value for step in found.steps}
    seen: dict[str, Value] = {
        "level": found.level.name.lower(),
        "reached": tuple(level.name.lower() for level in Level if level <= found.level),
        "steps": steps,
        "kernel": about.kernel,
        "contradictions": tuple(text for name, text in about.findings if name == "kernel, contradiction"),
    }
    unseen = {
        f"steps/{step.name}": step.evidence for step in found.steps if step.outcome in (Outcome.UNKNOWN, Outcome.ERROR)
    }
    if about.kernel == host.UNKNOWN:
        unseen["kernel"] = "the kernel's command line cannot be read"
    return Observation(seen, f"libwolfssl {facts.library.version} at {facts.library.path}", unseen=unseen)
