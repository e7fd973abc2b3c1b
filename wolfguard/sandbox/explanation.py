# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manifest and the profiles say for people, as generated into `explanation.json` beside the filters.

Owns where that file lies and the words of its tests. Nothing that confines is taken from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wolfguard.errors import StartError
from wolfguard.sandbox.manifest import data_file

FILE: Final = "explanation.json"
KILLED: Final = "the process is killed"

_TESTS: Final = {"in": "is {}", "has": "has all of {}", "lacks": "has none of {}"}


def read() -> dict[str, Any]:
    """The whole document. Raises StartError when the package lacks it."""
    path = data_file(FILE)
    if path is None:
        raise StartError(f"no {FILE}: install the package again, or run seccomp/generate")
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def names(document: Mapping[str, Any], machine: str) -> dict[int, str]:
    """Every system call of a machine, by its number; empty for a machine that has no filters."""
    return {number: name for name, number in document["calls"].get(machine, {}).items()}


def tested(rules: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    """By call, the arguments that a profile looks at."""
    return {
        rule["call"]: tuple(sorted({test["argument"] for tests in rule["when"] for test in tests}))
        for rule in rules
        if rule["when"]
    }


def condition(rule: Mapping[str, Any]) -> str:
    """Under which arguments a call is made, in words; empty when under all or none."""
    return ", or ".join(" and ".join(_words(test) for test in tests) for tests in rule["when"])


def otherwise(rule: Mapping[str, Any]) -> str:
    """What happens when the condition fails."""
    return f"it fails with {rule['error']}" if rule["error"] else KILLED


def _words(test: Mapping[str, Any]) -> str:
    values = ["0" if value == "ZERO" else value for value in test["values"]]
    *first, last = values
    joined = f"{', '.join(first)} or {last}" if first and test["test"] == "in" else ", ".join(values)
    return f"{test['name']} {_TESTS[test['test']].format(joined)}"
