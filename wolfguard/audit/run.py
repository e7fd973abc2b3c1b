# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an audit: every observation that the rules need once, several at a time, each and all within limits of time.

Owns order and time. A probe that does not come back is left behind in a thread that nobody waits for; its rules are
ERROR. What a probe raises that it should not is an ERROR too, with the name of the exception alone.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from wolfguard.audit import probes, waivers
from wolfguard.audit.evaluate import evaluate, looks
from wolfguard.audit.observation import Observation
from wolfguard.audit.result import Audit
from wolfguard.audit.vantage import Vantage
from wolfguard.policy.controls import AuditProfile
from wolfguard.policy.rule import Look
from wolfguard.policy.rules import rule_ids

PROBE_SECONDS: Final = 30.0
WHOLE_SECONDS: Final = 300.0
AT_A_TIME: Final = 4

Progress = Callable[[int, int, str], None]
"""(observations made, all of them, what came in last)"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one probe from its start, seconds for all, and how many look at the same time."""

    probe: float = PROBE_SECONDS
    whole: float = WHOLE_SECONDS
    at_a_time: int = AT_A_TIME


def audit(
    profile: AuditProfile,
    vantage: Vantage,
    version: str,
    spoken: Sequence[waivers.Spoken] = (),
    limits: Limits = Limits(),
    progress: Progress = lambda done, of, what: None,
) -> Audit:
    """Looks, judges, and takes in what persons say. `version` is ours. Never raises for what the machine does."""
    wanted = dict.fromkeys(look for rule in profile.rules for look in looks(rule))
    ordered = sorted(wanted, key=lambda look: probes.TURNS.get(look.probe, 0))
    seen, took = observe(ordered, lambda look: probes.observe(look, vantage), limits, progress)
    findings = tuple(
        replace(evaluate(rule, seen), milliseconds=took.get(rule.observe.look, 0)) for rule in profile.rules
    )
    found, remarks = waivers.apply(findings, spoken, rule_ids(), vantage.place.name, vantage.now.date())
    return Audit(profile, vantage.place.name, version, vantage.now, datetime.now(UTC), found, remarks)


def observe(
    wanted: Sequence[Look], look_at: Callable[[Look], Observation], limits: Limits, progress: Progress
) -> tuple[Mapping[Look, Observation], Mapping[Look, int]]:
    """An observation for each that is wanted, and the milliseconds that it took."""
    todo: queue.SimpleQueue[Look] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Look, Observation, float]] = queue.SimpleQueue()
    for look in wanted:
        todo.put(look)
    under_way: dict[Look, float] = {}

    def work() -> None:
        while True:
            try:
                look = todo.get_nowait()
            except queue.Empty:
                return
            begun = under_way[look] = time.monotonic()
            done.put((look, _safely(look, look_at), time.monotonic() - begun))

    def hire() -> None:
        threading.Thread(target=work, daemon=True, name="audit-probe").start()

    seen: dict[Look, Observation] = {}
    took: dict[Look, int] = {}
    end = time.monotonic() + limits.whole
    for _ in range(min(limits.at_a_time, len(wanted))):
        hire()
    while len(seen) < len(wanted) and (now := time.monotonic()) < end:
        for look, begun in list(under_way.items()):
            if look not in seen and now - begun > limits.probe:
                seen[look] = Observation(None, look.probe, f"the probe did not come back within {limits.probe:g} s")
                progress(len(seen), len(wanted), look.probe)
                hire()  # in place of the thread that is stuck
        try:
            look, observation, seconds = done.get(timeout=min(0.1, max(end - now, 0.001)))
        except queue.Empty:
            continue
        if look not in seen:
            seen[look], took[look] = observation, round(seconds * 1000)
            progress(len(seen), len(wanted), look.probe)
    for look in wanted:
        late = f"the audit's {limits.whole:g} s were over before it was looked at"
        seen.setdefault(look, Observation(None, look.probe, late))
    return seen, took


def _safely(look: Look, look_at: Callable[[Look], Observation]) -> Observation:
    try:
        return look_at(look)
    except Exception as error:  # a defect of a probe must not become a report without its rules
        return Observation(None, look.probe, f"the probe failed ({type(error).__name__}): a defect of this command")
