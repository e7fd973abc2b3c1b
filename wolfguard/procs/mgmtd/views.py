# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the other processes as JSON for callers. Pure: messages in, dicts, lists and scalars out.

The shapes are described in docs/reference/api.yml. Times are Unix seconds, 0 for never.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wolfguard.ipc.life import Fact
from wolfguard.ipc.management import (
    NetdStatus,
    ProcessModule,
    ProcessStatus,
    RecordBatch,
    SessiondStatus,
    SessionInfo,
    SupervisorStatus,
    UserInfo,
    WorkerStatus,
)
from wolfguard.sandbox import weakening

Json = dict[str, Any]

NOT_SAID: Final = "No worker has said which cryptographic library it uses."


def status(
    supervisor: SupervisorStatus | None,
    sessiond: SessiondStatus | None,
    netd: NetdStatus | None,
    workers: Mapping[int, WorkerStatus | None],
    modules: Iterable[ProcessModule] = (),
) -> Json:
    """One view of the gateway. `silent` names the processes that did not answer; their part is empty, not zero."""
    silent = [
        *([] if supervisor else ["supervisor"]),
        *([] if sessiond else ["sessiond"]),
        *([] if netd else ["netd"]),
        *(f"worker/{slot}" for slot, worker in workers.items() if worker is None),
    ]
    answered = {slot: worker for slot, worker in workers.items() if worker is not None}
    engine = _common(answered.values())
    return {
        "version": supervisor.version if supervisor else None,
        "generation": supervisor.generation if supervisor else None,
        "started": supervisor.started if supervisor else None,
        "replacement": supervisor.replacement if supervisor else None,
        "processes": [_process(process) for process in supervisor.processes] if supervisor else [],
        "modules": [_module(module) for module in modules],
        "weakened": _weakened(supervisor.processes) if supervisor else None,
        "listeners": list(supervisor.listeners) if supervisor else [],
        "sessions": sessiond.sessions if sessiond else None,
        "tunnels": sessiond.tunnels if sessiond else None,
        "not_approved": sessiond.not_approved if sessiond else None,
        "records": sessiond.records if sessiond else None,
        "pools": _facts(sessiond.pools) if sessiond else {},
        "routes": netd.routes if netd else None,
        "fips": _fips(engine),
        "engine": engine,
        "workers": [_worker(slot, worker) for slot, worker in answered.items()],
        "counters": _counters(answered.values()),
        "facts": {
            **({"sessiond": _facts(sessiond.facts)} if sessiond else {}),
            **({"netd": _facts(netd.facts)} if netd else {}),
        },
        "silent": silent,
    }


def _fips(engine: Mapping[str, str]) -> dict[str, str]:
    """The verdict on the cryptographic library as the workers report it; nothing is guessed where none does."""
    return {
        "verdict": engine.get("verdict", "unknown"),
        "library": engine.get("library", "unknown"),
        "meaning": engine.get("meaning", NOT_SAID),
    }


def session(info: SessionInfo) -> Json:
    found = dataclasses.asdict(info)
    found["policy"] = {each.name: {"value": each.value, "origin": each.origin} for each in info.policy}
    return found


def user(info: UserInfo) -> Json:
    return {**dataclasses.asdict(info), "groups": list(info.groups)}


def records(batch: RecordBatch) -> Json:
    """Records are JSON texts of sessiond's own making."""
    return {"records": [json.loads(text) for text in batch.records], "last": batch.last}


def _process(process: ProcessStatus) -> Json:
    return {**dataclasses.asdict(process), "confinement": _facts(process.confinement)}


def _module(module: ProcessModule) -> Json:
    """`tests` gives each self-test's state by its name; all is None of a process that has said nothing yet."""
    found: Json = {"process": module.process, "slot": module.slot}
    state = module.state
    if state is None:
        return {**found, "library": None, "module": None, "integrity": None, "selftest_ms": None, "tests": None}
    return {
        **found,
        "library": state.library,
        "module": state.module,
        "integrity": state.integrity,
        "selftest_ms": state.selftest_ms,
        "tests": {test.name: test.state for test in state.tests},
    }


def _weakened(processes: Iterable[ProcessStatus]) -> list[str]:
    return list(weakening.in_force((fact.name, fact.value) for each in processes for fact in each.confinement))


def _worker(slot: int, worker: WorkerStatus) -> Json:
    return {
        "slot": slot,
        "tunnels": worker.tunnels,
        "connections": worker.connections,
        "facts": _facts(worker.facts),
    }


def _counters(workers: Iterable[WorkerStatus]) -> dict[str, int]:
    """Sums over the workers, without those that never counted."""
    sums: dict[str, int] = {}
    for worker in workers:
        for counter in worker.counters:
            sums[counter.name] = sums.get(counter.name, 0) + counter.value
    return {name: sums[name] for name in sorted(sums) if sums[name]}


def _common(workers: Iterable[WorkerStatus]) -> dict[str, str]:
    """Facts of all workers in one: library, verdict, offloads. Where workers differ, all values are shown."""
    found: dict[str, list[str]] = {}
    for worker in workers:
        for fact in worker.facts:
            values = found.setdefault(fact.name, [])
            if fact.value not in values:
                values.append(fact.value)
    return {name: " | ".join(values) for name, values in sorted(found.items())}


def _facts(facts: Iterable[Fact]) -> dict[str, str]:
    return {fact.name: fact.value for fact in facts}
