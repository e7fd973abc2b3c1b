# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with the test account of an audit. Owns the reading: nobody else may read it, and no complaint quotes it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import cerberus  # type: ignore[import-untyped]

from wolfguard.audit.account import Account
from wolfguard.cli.failure import CommandError
from wolfguard.errors import ConfigurationError
from wolfguard.policy import document as documents
from wolfguard.secret import Secret

BYTES_MAXIMUM: Final = 16 * 1024


def read(file: Path) -> Account:
    """Raises CommandError."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise CommandError(f"the login file {file} cannot be read ({error.strerror})") from None
    with open(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CommandError(f"the login file {file} is not a regular file")
        if status.st_mode & 0o077:
            raise CommandError(f"others than its owner may read the login file {file}: chmod 600 {file}")
        content = stream.read(BYTES_MAXIMUM + 1)
    if len(content) > BYTES_MAXIMUM:
        raise CommandError(f"the login file {file} is larger than {BYTES_MAXIMUM} bytes")
    try:
        document = documents.parse(content, f"login file {file}")
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
    # not `documents.check`: what cerberus complains of may quote a value
    if not isinstance(document, dict) or not cerberus.Validator(documents.schema("login")).validate(document):
        raise CommandError(f"the login file {file} has another form than policies/schema/login.yml says")
    return Account(
        document["user"],
        tuple(Secret(each.encode()) for each in document["secrets"]),
        document.get("group", ""),
        document.get("pin", ""),
    )
