# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that rules leave open: what each is, within which limits it may be set, and by whom it was (policies/schema/
variables.yml, an audit profile, a site's file). Owns the list and the limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cerberus  # type: ignore[import-untyped]

from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.policy.expect import Value, frozen

PATTERNS: Final = ("notice_text",)
"""Those that are regular expressions."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`limits` is what it may be, as words."""

    name: str
    means: str
    limits: str


@dataclass(frozen=True, slots=True)
class Tailoring:
    """A site's values by name, with the reason for each. `title` says whose they are."""

    title: str
    values: Mapping[str, Value]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tailored:
    """A value in use that is another than the one that rules come with. `origin` is whose it is."""

    name: str
    means: str
    value: Value
    instead_of: Value
    origin: str
    reason: str = ""


def variables() -> Mapping[str, Variable]:
    """All that there are, by name."""
    return {
        name: Variable(name, each["means"], _limits(each["value"]))
        for name, each in documents.schema("variables").items()
    }


def check(values: Mapping[str, Value], title: str) -> None:
    """Raises ConfigurationError for a variable that there is not, and for a value beyond its limits."""
    known = documents.schema("variables")
    for name, value in values.items():
        if name not in known:
            raise ConfigurationError(f"{title}: there is no variable {name!r}; there are: {', '.join(known)}")
        validator = cerberus.Validator({"value": {**known[name]["value"], "required": True}})
        if not validator.validate({"value": _thawed(value)}):
            raise ConfigurationError(f"{title}: {name} must be {_limits(known[name]['value'])}")
        if name in PATTERNS:
            _must_compile(str(value), f"{title}: {name}")


def read_tailoring(file: Path) -> Tailoring:
    """Raises ConfigurationError."""
    title = f"tailoring {file}"
    if not file.is_file():
        raise ConfigurationError(f"{title}: there is no such regular file")
    checked = documents.check(documents.read(file, title), documents.schema("tailoring"), title)
    values = {name: frozen(each["value"]) for name, each in checked["variables"].items()}
    check(values, title)
    return Tailoring(checked["title"], values, {name: each["reason"] for name, each in checked["variables"].items()})


def _must_compile(pattern: str, title: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"{title} is no regular expression ({error})") from None


def _limits(schema: Mapping[str, Any]) -> str:
    if "allowed" in schema:
        return f"one of {', '.join(schema['allowed'])}"
    if schema["type"] == "integer":
        return f"a number from {schema['min']} to {schema['max']}"
    if schema["type"] == "list":
        each = schema["schema"]
        what = f"numbers from {each['min']} to {each['max']}" if each["type"] == "integer" else "networks as 10.0.0.0/8"
        return f"a list of at most {schema['maxlength']} {what}"
    return f"a text of at most {schema['maxlength']} characters"


def _thawed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
