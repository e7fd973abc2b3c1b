# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor says about itself and its children."""

from __future__ import annotations

from collections.abc import Sequence

from wolfguard.ipc.management import ModuleStates, ProcessModule, ProcessStatus, SupervisorStatus
from wolfguard.procs.supervisor.supervised import Supervised
from wolfguard.sandbox import weakening

MODULES_A_PAGE = 16
FAILURE_MAX = 200
"""Bytes of a failure in the status: many processes must fit into one message."""


def report(
    version: str,
    generation: int,
    started: int,
    children: Sequence[Supervised],
    addresses: Sequence[str],
    replacement: str,
) -> SupervisorStatus:
    """`version` of the program that processes are started from."""
    processes = tuple(
        ProcessStatus(
            process=child.process.name,
            slot=child.slot,
            pid=child.pid,
            state=child.state.value,
            started=child.started,
            restarts=max(0, child.starts - 1 - child.asked),
            confinement=child.confinement,
            last_failure=child.last_failure[:FAILURE_MAX],
        )
        for child in children
    )
    return SupervisorStatus(version, generation, started, processes, tuple(addresses), replacement[:FAILURE_MAX])


def modules(after: int, children: Sequence[Supervised]) -> ModuleStates:
    """One page of what the processes have observed of their cryptographic modules."""
    page = children[max(after, 0) :][:MODULES_A_PAGE]
    end = max(after, 0) + len(page)
    states = tuple(ProcessModule(child.process.name, child.slot, child.module) for child in page)
    return ModuleStates(states, end if end < len(children) else 0)


def weakened(children: Sequence[Supervised]) -> tuple[str, ...]:
    """Weakenings of the confinement that are in force in any of them."""
    return weakening.in_force((fact.name, fact.value) for child in children for fact in child.confinement)
