# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule of policies/rules: what to look at, what to expect of it, and what a pass is worth. Owns the shapes alone."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wolfguard.policy.expect import Expectation, Value

ATTESTATION: Final = "attestation"
"""The probe of rules that no machine can answer."""


class Severity(enum.IntEnum):
    """The higher, the worse is a failure."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """A control that asks for what a rule looks at: `framework` is a file of policies/controls, `id` one of its ids."""

    framework: str
    id: str


@dataclass(frozen=True, slots=True)
class Look:
    """One observation that can be made once for all rules: a probe of policies/schema/probes.yml with its arguments,
    sorted by name; lists are tuples."""

    probe: str
    arguments: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """Which part of what a probe sees is meant: `key` walks down into it."""

    look: Look
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Where it does not hold the rule does not apply, for the reason `otherwise`."""

    observe: Observed
    expect: Expectation
    otherwise: str


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Who brings it about: an Ansible role with a variable, or nobody and why (`none`)."""

    role: str
    variable: str
    none: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`id` is "<area>/<name>". `variables` are the values in use, already put into `observe` and `expect`."""

    id: str
    title: str
    severity: Severity
    rationale: str
    remedy: str
    references: tuple[Reference, ...]
    condition: Condition | None
    observe: Observed
    expect: Expectation
    variables: Mapping[str, Value]
    enforce: Enforcement
    proves: str
    does_not_prove: str

    @property
    def manual(self) -> bool:
        """Whether only a person can answer it."""
        return self.observe.look.probe == ATTESTATION

    @property
    def area(self) -> str:
        return self.id.partition("/")[0]
