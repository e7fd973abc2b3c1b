# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps about the module itself: which file, what it says of itself, how it was built, what running processes have.

Pure. They decide between none, eval and bundle; only the last, that every process was seen, belongs to validated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wolfguard.fips.facts import Facts, Gateway, GatewayState, Library, RunningProcess
from wolfguard.fips.steps import Level, Outcome, Step, met
from wolfguard.module_state import INTACT, PASSED

NORMAL_MODE: Final = 1
MODE_NOT_TOLD: Final = -1
_HASH: Final = re.compile(r"[0-9A-Fa-f]{64,128}")
_DECLARED: Final = {"eval": Level.EVAL, "bundle": Level.BUNDLE}


def steps(facts: Facts) -> Iterator[Step]:
    """In the order in which they are told."""
    library = facts.library
    yield Step("file", Level.EVAL, met(not library.problem), library.problem or _file(library))
    yield _flavour(library, Level.EVAL)
    yield _module(library)
    yield _core_hash(library)
    yield _self_tests(library)
    yield _agreement(facts.gateway, library)
    yield _flavour(library, Level.BUNDLE)
    yield _declared(facts)
    yield _all_seen(facts.gateway)


def _file(library: Library) -> str:
    return f"{library.path}, SHA-256 {library.sha256}, as in the manifest of its build"


def _flavour(library: Library, level: Level) -> Step:
    reached = _DECLARED.get(library.declared, Level.NONE)
    name = "flavour" if level is Level.EVAL else "commercial"
    what = f"built as flavour {library.flavour} from {library.source}"
    if reached < level:
        what += ": " + (
            "not a FIPS module" if level is Level.EVAL else "not a commercial bundle, so under no certificate"
        )
    return Step(name, level, met(reached >= level), what)


def _module(library: Library) -> Step:
    if library.module is None:
        text = f"libwolfssl {library.version} holds no FIPS module"
        return Step("module", Level.EVAL, Outcome.UNMET, text)
    module = library.module
    good = bool(module.version) and module.status == 0 and module.mode in (NORMAL_MODE, MODE_NOT_TOLD)
    mode = "not told" if module.mode == MODE_NOT_TOLD else str(module.mode)
    text = f"{module.version or 'it names no version'}, status {module.status}, mode {mode}"
    return Step("module", Level.EVAL, met(good), text)


def _core_hash(library: Library) -> Step:
    if library.module is None:
        return Step("in-core hash", Level.EVAL, Outcome.UNMET, "there is no module that could have one")
    found = library.module.core_hash
    good = bool(_HASH.fullmatch(found)) and set(found) != {"0"}
    return Step("in-core hash", Level.EVAL, met(good), found or "the module tells none")


def _self_tests(library: Library) -> Step:
    tests = library.self_tests
    if tests is None:
        return Step("self-tests", Level.EVAL, Outcome.UNKNOWN, "nobody could ask for them")
    return Step("self-tests", Level.EVAL, met(_passed(tests)), _told(tests))


def _passed(tests: tuple[tuple[str, str], ...]) -> bool:
    return bool(tests) and all(state == PASSED for _, state in tests)


def _told(tests: tuple[tuple[str, str], ...]) -> str:
    failed = [name for name, state in tests if state != PASSED]
    if failed:
        return f"not passed: {', '.join(failed)}"
    return f"{len(tests)} passed: {', '.join(name for name, _ in tests)}" if tests else "none was made"


def _agreement(gateway: Gateway, library: Library) -> Step:
    """Nothing that runs may contradict what this process saw. Without a gateway nothing runs that could."""
    name, level = "running processes agree", Level.EVAL
    if gateway.state is GatewayState.NOT_RUNNING:
        return Step(name, level, Outcome.MET, "no gateway runs: only this command's own process was looked at")
    if gateway.state is GatewayState.NOT_ASKED:
        return Step(name, level, Outcome.UNKNOWN, gateway.reason or "the gateway could not be asked")
    differing = [text for each in gateway.processes if (text := _differs(each, library))]
    if differing:
        return Step(name, level, Outcome.UNMET, "; ".join(differing))
    missing = [*gateway.silent, *(each.name for each in gateway.processes if _incomplete(each))]
    if missing or not gateway.processes:
        return Step(name, level, Outcome.UNKNOWN, f"could not look into {', '.join(missing) or 'any process'}")
    return Step(name, level, Outcome.MET, ", ".join(each.name for each in gateway.processes))


def _differs(process: RunningProcess, library: Library) -> str:
    """What of a process contradicts the library, or nothing; what it does not say contradicts nothing yet."""
    version = library.module.version if library.module else ""
    if process.library is not None and process.library != library.version:
        return f"{process.name} runs libwolfssl {process.library}"
    if process.module is not None and process.module != version:
        return f"{process.name} runs the module {process.module or 'none'}"
    if process.integrity is not None and process.integrity != INTACT:
        return f"{process.name}: {process.integrity}"
    if process.self_tests is not None and not _passed(process.self_tests):
        return f"{process.name}: self-tests {_told(process.self_tests)}"
    return f"{process.name} maps another file than the one on disk" if process.maps_this_file is False else ""


def _incomplete(process: RunningProcess) -> bool:
    seen = (process.library, process.module, process.integrity, process.self_tests, process.maps_this_file)
    return any(each is None for each in seen)


def _declared(facts: Facts) -> Step:
    name, level = "certificate declared", Level.BUNDLE
    if facts.declaration is not None:
        return Step(name, level, Outcome.MET, f"the site declares certificate {facts.declaration.certificate}")
    if facts.declaration_problem:
        return Step(name, level, Outcome.ERROR, facts.declaration_problem)
    return Step(name, level, Outcome.UNMET, "the site declares none")


def _all_seen(gateway: Gateway) -> Step:
    if gateway.state is GatewayState.ANSWERED and gateway.processes and not gateway.silent:
        names = ", ".join(each.name for each in gateway.processes)
        return Step("every process seen", Level.VALIDATED, Outcome.MET, names)
    text = {
        GatewayState.ANSWERED: f"nothing is known of {', '.join(gateway.silent) or 'any process'}",
        GatewayState.NOT_RUNNING: "no gateway runs, so no process of it could be looked at",
        GatewayState.NOT_ASKED: gateway.reason or "the gateway could not be asked",
    }[gateway.state]
    return Step("every process seen", Level.VALIDATED, Outcome.UNKNOWN, text)
