# SPDX-License-Identifier: GPL-3.0-or-later
"""A debugger puts an attacker's code into running processes: the layer that the table names stops each attempt.

What answers with an error goes through one life of a worker; what kills takes one life each, several workers at a time.
The same attempts then run in a worker whose filter only logs, which shows what the other layers stop by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop.conftest import Field
from tests.system.payload.attempt import Attempt, Outcome
from tests.system.payload.attempts import WORKER
from tests.system.payload.ground import calls, values
from tests.system.payload.injection import DIED, Answer, Argument, inject, known
from tests.system.payload.others import OTHERS
from tests.system.processes import edited, how_it_ended, pids, until_replaced
from wolfguard import _native

SLOTS = 16
AT_A_TIME = 2
MADE_BY_NOBODY = Path("/tmp/wolfguard-payload")

ATTEMPTS = tuple(attempt for attempt in WORKER if known(attempt.call))
KILLED = tuple(attempt for attempt in ATTEMPTS if attempt.enforced.errors == (DIED,))
ANSWERED = tuple(attempt for attempt in ATTEMPTS if attempt not in KILLED)


@pytest.fixture(scope="module")
def field(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(SLOTS))
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def few(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    made = make_gateway(edited(2))
    yield made
    made.gateway.stop()


@pytest.fixture(scope="module")
def learner(make_gateway: Callable[..., Field]) -> Iterator[Field]:
    """A gateway whose filters log what they would kill for."""
    made = make_gateway(edited(2), options=("--learn", "all"))
    yield made
    made.gateway.stop()


def matches(outcome: Outcome, answer: Answer) -> bool:
    return answer.error in outcome.errors


def differences(attempts: Sequence[Attempt], outcomes: Sequence[Outcome], answers: Sequence[Answer]) -> list[str]:
    assert len(answers) == len(attempts), f"the life ended with {attempts[len(answers) - 1].name}: {answers[-1]}"
    return [
        f"{attempt.name}: expected {outcome.layer} to answer {outcome.errors}, got {answer}"
        for attempt, outcome, answer in zip(attempts, outcomes, answers, strict=True)
        if not matches(outcome, answer)
    ]


def die_of(field: Field, attempt: Attempt, pid: int, known_here: Mapping[str, Argument]) -> list[str]:
    """Makes the attempt, which must be the process's last; returns what was different."""
    wrong = differences([attempt], [attempt.enforced], inject(pid, calls(known_here, [attempt])))
    how = how_it_ended(field, pid)
    return wrong if how == "was ended by SIGSYS" else [*wrong, f"{attempt.name}: it {how}"]


def test_what_is_answered(field: Field) -> None:
    name = "worker/0"
    pid = pids(field)[name]
    answers = inject(pid, calls(values(field)(name), ANSWERED))
    assert differences(ANSWERED, [each.enforced for each in ANSWERED], answers) == []
    assert pids(field)[name] == pid


def test_what_kills(field: Field) -> None:
    wrong: list[str] = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for start in range(0, len(KILLED), SLOTS):
            turn = {f"worker/{slot}": attempt for slot, attempt in enumerate(KILLED[start : start + SLOTS])}
            processes, of = pids(field), values(field)
            work = [
                pool.submit(die_of, field, attempt, processes[name], known_here)
                for name, attempt, known_here in [(name, attempt, of(name)) for name, attempt in turn.items()]
            ]
            for each in work:
                wrong += each.result()
            until_replaced(field, {name: processes[name] for name in turn})
    assert wrong == []
    assert not MADE_BY_NOBODY.exists()


def test_what_stands_behind_the_filter(learner: Field) -> None:
    name = "worker/0"
    pid = pids(learner)[name]
    abi = _native.landlock_abi()
    attempts = [each for each in ATTEMPTS if each.behind.errors and each.behind.abi <= abi]
    answers = inject(pid, calls(values(learner)(name), attempts))
    assert differences(attempts, [each.behind for each in attempts], answers) == []
    assert not MADE_BY_NOBODY.exists()


@pytest.mark.parametrize("process", OTHERS)
def test_other_processes(few: Field, process: str) -> None:
    answered = [each for each in OTHERS[process] if known(each.call) and each.enforced.errors != (DIED,)]
    pid = pids(few)[process]
    answers = inject(pid, calls(values(few)(process), answered))
    assert differences(answered, [each.enforced for each in answered], answers) == []
    assert pids(few)[process] == pid
    for attempt in OTHERS[process]:
        if known(attempt.call) and attempt.enforced.errors == (DIED,):
            pid = pids(few)[process]
            assert die_of(few, attempt, pid, values(few)(process)) == []
            until_replaced(few, {process: pid})
