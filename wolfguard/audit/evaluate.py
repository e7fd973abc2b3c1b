# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges: a rule and what was observed in, a finding out. Pure, and total: whatever a probe brings has a state.

A rule whose condition could not be looked at is an ERROR like one whose own value could not: that it does not apply
must have been seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from wolfguard.audit.observation import Observation
from wolfguard.audit.result import Finding, State
from wolfguard.policy.expect import told
from wolfguard.policy.rule import Look, Rule


def looks(rule: Rule) -> tuple[Look, ...]:
    """What must be observed to judge the rule, the condition first; nothing for one that only a person can answer."""
    if rule.manual:
        return ()
    first = () if rule.condition is None else (rule.condition.observe.look,)
    return (*first, rule.observe.look)


def evaluate(rule: Rule, observations: Mapping[Look, Observation]) -> Finding:
    """`observations` has one for each of `looks(rule)`."""
    if rule.manual:
        question = str(dict(rule.observe.look.arguments)["question"])
        return Finding(rule, State.MANUAL, None, "the site's attestations", question)
    if rule.condition is not None:
        condition = observations[rule.condition.observe.look]
        if problem := condition.problem_of(rule.condition.observe.key):
            return Finding(rule, State.ERROR, None, condition.source, f"whether it applies is not known: {problem}")
        value = condition.part(rule.condition.observe.key)
        holds = rule.condition.expect.holds(value)
        if holds is None:
            return Finding(
                rule, State.ERROR, value, condition.source, f"whether it applies cannot be said of {told(value)}"
            )
        if not holds:
            return Finding(rule, State.NOT_APPLICABLE, value, condition.source, rule.condition.otherwise)
    return _judge(rule, observations[rule.observe.look])


def _judge(rule: Rule, observation: Observation) -> Finding:
    if problem := observation.problem_of(rule.observe.key):
        return Finding(rule, State.ERROR, None, observation.source, problem)
    value = observation.part(rule.observe.key)
    holds = rule.expect.holds(value)
    if holds is None:
        reason = f"what was seen cannot be compared with {rule.expect.text()}: {told(value)}"
        return Finding(rule, State.ERROR, value, observation.source, reason)
    if holds:
        return Finding(rule, State.PASS, value, observation.source)
    return Finding(rule, State.FAIL, value, observation.source, f"seen: {told(value)}; expected: {rule.expect.text()}")
