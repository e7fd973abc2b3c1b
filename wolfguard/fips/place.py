# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the verdict's own files are (in the installed package's data, or in the tree), and the reading of YAML that is
evidence: bounded, checked by a schema of `fips/schema`, and from files that nobody but root can change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import cerberus  # type: ignore[import-untyped]
import yaml

from wolfguard.errors import ConfigurationError, StartError

BYTES_MAXIMUM: Final = 4 * 1024 * 1024


def data() -> Traversable:
    """The folder with `certificates.yml` and `schema/`. Raises StartError when neither place has it."""
    package = resources.files("wolfguard.fips")
    for place in (package / "data", package / ".." / ".." / "fips"):
        if (place / "schema" / "certificates.yml").is_file():
            return place
    raise StartError(
        "the list of certificates is not installed: reinstall the package (wolfguard/fips/data is missing)"
    )


def read_own(file: Path) -> bytes:
    """A file of the site that a claim rests on. Raises ConfigurationError when it cannot be read, is too large, or
    others than root could have written it."""
    try:
        with file.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            content = stream.read(BYTES_MAXIMUM + 1)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != 0 or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"{file} must be a file that root owns and nobody else may write: chown root, chmod go-w"
        )
    if len(content) > BYTES_MAXIMUM:
        raise ConfigurationError(f"{file} is larger than {BYTES_MAXIMUM} bytes")
    return content


def parse(content: bytes, schema: str, name: str) -> Mapping[str, Any]:
    """A YAML mapping that keeps to `fips/schema/<schema>.yml`. `name` is what errors call it. Raises
    ConfigurationError."""
    try:
        document = yaml.load(content, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{name} is not a mapping")
    validator = cerberus.Validator(_schema(schema))
    if not validator.validate(document):
        raise ConfigurationError(f"{name}: {'; '.join(_problems(validator.errors))}")
    if any(isinstance(value, datetime) for value in _values(document)):
        raise ConfigurationError(f"{name}: a date has a time of day; give days as 2026-01-31")
    return document


@cache
def _schema(name: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = yaml.load((data() / "schema" / f"{name}.yml").read_bytes(), Loader=yaml.CSafeLoader)
    return schema


def _problems(errors: Mapping[Any, Any], above: str = "") -> Iterator[str]:
    for key, complaints in errors.items():
        path = f"{above}.{key}" if above else str(key)
        for complaint in complaints:
            if isinstance(complaint, dict):
                yield from _problems(complaint, path)
            else:
                yield f"{path}: {complaint}"


def _values(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for below in value.values():
            yield from _values(below)
    elif isinstance(value, list):
        for below in value:
            yield from _values(below)
    else:
        yield value
