# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the site file: cerberus behind one function, and the rules as a tree for whoever documents them.

`schema.yml` and `backends.yml` are the one source of the rules. Owns the words of complaints about single keys. Must
not know files, nor what keys mean to each other (`config.checks`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import cerberus  # type: ignore[import-untyped]
import yaml
from cerberus import errors as cerberus_errors

from wolfguard.config.document import Document, Key, show_key
from wolfguard.config.formats import FORMATS, line
from wolfguard.errors import ConfigurationError

SHOWN_PROBLEMS = 20
SHOWN_VALUE = 60

_TYPES = {
    "dict": "keys with values below it",
    "list": "a list, such as [a, b]",
    "string": 'text (put it into quotes: "...")',
    "integer": "a whole number",
    "boolean": "true or false",
}
_ITEM = "*"

Rules = Mapping[str, Any]


class _Validator(cerberus.Validator):  # type: ignore[misc]
    """To cerberus true and false are whole numbers; to people they are not."""

    types_mapping = MappingProxyType(
        {**cerberus.Validator.types_mapping, "integer": cerberus.TypeDefinition("integer", (int,), (bool,))}
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """`text` says what is wrong with the value of `key` and what is allowed."""

    key: Key
    text: str


@cache
def rules() -> Rules:
    """`schema.yml` with `backends.yml` in its place."""
    loaded = dict(_read("schema.yml"))
    loaded["backends"] = {**loaded["backends"], "schema": _read("backends.yml")}
    return loaded


def _read(name: str) -> Rules:
    with resources.files("wolfguard.config").joinpath(name).open("rb") as file:
        loaded: Rules = yaml.load(file, Loader=yaml.CSafeLoader)
    return loaded


def walk(tree: Rules | None = None, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Rules]]:
    """Every key with its rule, in the order of the file; items of lists appear as "*" in the key."""
    for name, rule in (rules() if tree is None else tree).items():
        inner = (*key, name)
        yield inner, rule
        yield from _walk_below(rule, inner)


def _walk_below(rule: Rules, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Rules]]:
    below = rule.get("schema")
    if below is None:
        return
    if rule["type"] == "dict":
        yield from walk(below, key)
    else:
        yield (*key, _ITEM), below
        yield from _walk_below(below, (*key, _ITEM))


def complain(document: Document, problems: list[Problem]) -> ConfigurationError:
    """One error for all problems, one line each, in the order of the file."""
    ordered = sorted(problems, key=lambda problem: document.line(problem.key))
    lines = [
        f"{document.source}:{document.line(problem.key)}: {show_key(problem.key)}: {problem.text}"
        for problem in ordered[:SHOWN_PROBLEMS]
    ]
    if len(ordered) > SHOWN_PROBLEMS:
        lines.append(f"{document.source}: and {len(ordered) - SHOWN_PROBLEMS} more; correct these first")
    return ConfigurationError("\n".join(lines))


def validate(document: Document) -> Mapping[str, Any]:
    """The document's data, known to have the schema's shape. Raises ConfigurationError with every problem."""
    if not isinstance(document.data, dict):
        problem = Problem((), "the file must have the keys listeners and sites; see wolfguard config show --defaults")
        raise complain(document, [problem])
    validator = _Validator(rules())
    problems: list[Problem] = []
    if not validator.validate(document.data, normalize=False):
        for error in validator._errors:  # the tree with paths; `errors` has texts of cerberus' own only
            problems += _problems(error)
    problems += _formats(document.data, {"type": "dict", "schema": rules()}, ())
    if problems:
        raise complain(document, problems)
    return document.data


def show_value(value: object) -> str:
    """A value as a complaint shows it: short, and never a private key that was pasted in."""
    if isinstance(value, str):
        if "PRIVATE KEY" in value:
            return "a private key"
        return repr(value) if len(value) <= SHOWN_VALUE else f"{value[:SHOWN_VALUE]!r}..."
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "empty" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _problems(error: Any) -> Iterator[Problem]:
    if error.is_group_error:
        for child in error.child_errors:
            yield from _problems(child)
        return
    key: Key = tuple(error.document_path)
    if error.code == cerberus_errors.UNKNOWN_FIELD.code:
        yield Problem(key, _unknown(key))
        return
    rule = _rule(key)
    value = show_value(error.value)
    if error.code == cerberus_errors.REQUIRED_FIELD.code:
        yield Problem(key, f"missing; {rule['meta']['doc']}")
    elif error.code in (cerberus_errors.MIN_LENGTH.code, cerberus_errors.MAX_LENGTH.code):
        what = "characters" if rule["type"] == "string" else "entries"
        yield Problem(key, f"has {len(error.value)} {what}; allowed: {allowed(rule, length=True)}")
    else:
        yield Problem(key, f"is {value}; allowed: {allowed(rule)}")


def allowed(rule: Rules, length: bool = False) -> str:
    """In words, what a rule lets through."""
    meta = rule.get("meta", {})
    if length:
        low, high = rule.get("minlength", 0), rule["maxlength"]
        return f"{low}" if low == high else f"{low} to {high}"
    if "allowed" in meta:
        return str(meta["allowed"])
    if "allowed" in rule:
        return ", ".join(str(value).lower() if isinstance(value, bool) else value for value in rule["allowed"])
    if "min" in rule:
        unit = f" {meta['unit']}" if "unit" in meta else ""
        return f"{rule['min']} to {rule['max']}{unit}"
    return _TYPES[rule["type"]]


def _names(key: Key) -> tuple[str, ...]:
    return tuple(_ITEM if isinstance(part, int) else part for part in key)


@cache
def _index() -> Mapping[tuple[str, ...], Rules]:
    return dict(walk())


def _rule(key: Key) -> Rules:
    return _index()[_names(key)]


def _unknown(key: Key) -> str:
    above = _names(key)[:-1]
    known = [names[-1] for names in _index() if names[:-1] == above and names[-1] != _ITEM]
    near = difflib.get_close_matches(str(key[-1]), known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; allowed here: {', '.join(known)}"


def _formats(value: object, rule: Rules, key: Key) -> Iterator[Problem]:
    """Formats of all values of the right type; what has another type is complained of elsewhere."""
    if isinstance(value, dict) and rule["type"] == "dict":
        for name, below in rule["schema"].items():
            if name in value:
                yield from _formats(value[name], below, (*key, name))
    elif isinstance(value, list) and rule["type"] == "list":
        for number, item in enumerate(value):
            yield from _formats(item, rule["schema"], (*key, number))
    elif (isinstance(value, str) and rule["type"] == "string") or (type(value) is int and rule["type"] == "integer"):
        name = rule.get("meta", {}).get("format", "line")
        wanted = line(value) if name != "text" else None
        wanted = wanted or FORMATS[name](value)
        if wanted is not None:
            yield Problem(key, f"is {show_value(value)}; allowed: {wanted}")
