# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile: which system calls a process may make, under which arguments, and why.

Owns the form of seccomp/profiles/*.yml and the merging of what they include. Compiling is `generator.program`.

    include: [python]               profiles whose lines are taken over; a line here replaces theirs
    allow:
      read: sockets and pipes       the reason; or with tests of the arguments:
      ioctl: {reason: "...", when: {1: {in: [FIONBIO]}}}
    soft:
      ENOENT: {open: "..."}         answered with this error instead of being made

`when` maps an argument's number to one test, all of which must hold; a list of such maps holds if one of them does.
Tests: `in` (equals one of), `has` (all these bits set), `lacks` (none of these bits set). `else` names the error for
arguments that fail; without it the process is killed. Only the lower 32 bits are looked at: every tested argument is
an int, an unsigned int, or flags that the kernel defines in the lower half.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from generator.document import load

OPERATIONS: Final = ("in", "has", "lacks")
ARGUMENTS: Final = range(6)


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` are all alternatives for "in", one mask for "has" and "lacks"; `names` is how the profile says it."""

    argument: int
    operation: str
    values: tuple[int, ...]
    names: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """`error` 0 with no alternatives: allowed. `alternatives`: allowed when all tests of one hold, else `error`
    (0: killed). `error` without alternatives: always this error."""

    call: str
    reason: str
    alternatives: tuple[tuple[Condition, ...], ...] = ()
    error: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    rules: tuple[Rule, ...]


def read_profile(folder: Path, name: str, constants: Mapping[str, int]) -> Profile:
    """Raises ValueError naming file and line's subject when something is not as the module's text says."""
    rules = _read(folder, name, constants, ())
    return Profile(name, tuple(rules[call] for call in sorted(rules)))


def _read(folder: Path, name: str, constants: Mapping[str, int], above: tuple[str, ...]) -> dict[str, Rule]:
    if name in above:
        raise ValueError(f"{name}.yml includes itself through {' -> '.join(above)}")
    path = folder / f"{name}.yml"
    document = load(path)
    if not isinstance(document, dict) or document.keys() - {"include", "allow", "soft"}:
        raise ValueError(f"{path.name}: only include, allow and soft may stand here")
    rules: dict[str, Rule] = {}
    for included in document.get("include") or []:
        rules.update(_read(folder, included, constants, (*above, name)))
    own: set[str] = set()
    for call, line in (document.get("allow") or {}).items():
        _once(path, call, own)
        rules[call] = _allow(path, call, line, constants)
    for error, lines in (document.get("soft") or {}).items():
        for call, reason in lines.items():
            _once(path, call, own)
            rules[call] = Rule(call, _reason(path, call, reason), error=_error(path, error))
    return rules


def _once(path: Path, call: str, own: set[str]) -> None:
    if call in own:
        raise ValueError(f"{path.name}: {call} has two lines")
    own.add(call)


def _reason(path: Path, call: str, reason: Any) -> str:
    if not isinstance(reason, str) or len(reason) < 6:
        raise ValueError(f"{path.name}: {call} needs a reason")
    return reason


def _error(path: Path, name: Any) -> int:
    number = getattr(errno, name, None) if isinstance(name, str) else None
    if not isinstance(number, int):
        raise ValueError(f"{path.name}: {name} is no name of an error")
    return number


def _allow(path: Path, call: str, line: Any, constants: Mapping[str, int]) -> Rule:
    if not isinstance(line, dict):
        return Rule(call, _reason(path, call, line))
    if line.keys() - {"reason", "when", "else"} or "when" not in line:
        raise ValueError(f"{path.name}: {call}: only reason, when and else may stand here, and when must")
    alternatives = line["when"] if isinstance(line["when"], list) else [line["when"]]
    return Rule(
        call,
        _reason(path, call, line.get("reason")),
        tuple(
            tuple(_test(path, call, argument, test, constants) for argument, test in sorted(alternative.items()))
            for alternative in alternatives
        ),
        _error(path, line["else"]) if "else" in line else 0,
    )


def _test(path: Path, call: str, argument: Any, test: Any, constants: Mapping[str, int]) -> Condition:
    where = f"{path.name}: {call}: argument {argument}"
    if argument not in ARGUMENTS or not isinstance(test, dict) or len(test) != 1:
        raise ValueError(f"{where}: write 'number: {{operation: [names]}}'")
    operation, names = next(iter(test.items()))
    if operation not in OPERATIONS or not isinstance(names, list) or not names:
        raise ValueError(f"{where}: the operation must be one of {', '.join(OPERATIONS)} with a list")
    unknown = [name for name in names if name not in constants]
    if unknown:
        raise ValueError(f"{where}: {unknown[0]} is not in constants.yml")
    values = [constants[name] for name in names]
    if operation == "in":
        return Condition(argument, operation, tuple(sorted(set(values))), tuple(names))
    mask = 0
    for value in values:
        mask |= value
    return Condition(argument, operation, (mask,), tuple(names))
