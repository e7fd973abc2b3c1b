# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor says about itself and its children."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from wolfguard.ipc.management import ProcessStatus, SupervisorStatus
from wolfguard.procs.supervisor.supervised import Supervised
from wolfguard.sandbox import weakening

DISTRIBUTION = "wolfguard-gateway"


def version() -> str:
    """Of the installed package."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def report(generation: int, started: int, children: Sequence[Supervised], addresses: Sequence[str]) -> SupervisorStatus:
    processes = tuple(
        ProcessStatus(
            process=child.process.name,
            slot=child.slot,
            pid=child.pid,
            state=child.state.value,
            started=child.started,
            restarts=max(0, child.starts - 1),
            confinement=child.confinement,
        )
        for child in children
    )
    return SupervisorStatus(version(), generation, started, processes, tuple(addresses))


def weakened(children: Sequence[Supervised]) -> tuple[str, ...]:
    """Weakenings of the confinement that are in force in any of them."""
    return weakening.in_force((fact.name, fact.value) for child in children for fact in child.confinement)
