# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of `policies/`: YAML in, checked against a cerberus schema. Must not know what a document means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final

import cerberus  # type: ignore[import-untyped]
import yaml

from wolfguard.errors import ConfigurationError
from wolfguard.policy.place import policies

BYTES_MAXIMUM: Final = 1024 * 1024
"""No document of ours or of a site is as large."""


def parse(text: bytes, title: str) -> Any:
    """What the YAML says. Raises ConfigurationError; `title` is how the text calls the document."""
    if len(text) > BYTES_MAXIMUM:
        raise ConfigurationError(f"{title}: it is larger than {BYTES_MAXIMUM} bytes")
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"
        raise ConfigurationError(f"{title}: it is not YAML{where}") from None


def read(file: Traversable, title: str) -> Any:
    """The same of a file. Raises ConfigurationError."""
    try:
        return parse(file.read_bytes(), title)
    except OSError as error:
        raise ConfigurationError(f"{title}: it cannot be read ({error.strerror})") from None


def check(document: object, schema: Mapping[str, Any], title: str, *, unknown: bool = False) -> dict[str, Any]:
    """The document, which is a mapping of this shape; `unknown`: it may have more. Raises ConfigurationError with every
    problem."""
    if not isinstance(document, dict):
        raise ConfigurationError(f"{title}: it is not a mapping")
    validator = cerberus.Validator(schema, allow_unknown=unknown)
    if not validator.validate(document):
        raise ConfigurationError(f"{title}: {'; '.join(_problems(validator.errors))}")
    return document


@cache
def schema(name: str) -> Mapping[str, Any]:
    """policies/schema/<name>.yml."""
    found: Mapping[str, Any] = read(policies() / "schema" / f"{name}.yml", f"schema {name}")
    return found


def _problems(errors: Mapping[Any, Any], above: str = "") -> Iterator[str]:
    for key, complaints in errors.items():
        path = f"{above}.{key}" if above else str(key)
        for complaint in complaints:
            if isinstance(complaint, dict):
                yield from _problems(complaint, path)
            else:
                yield f"{path}: {complaint}"
