# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the stored tail of the trail from the file of a gateway that does not run, without changing it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from wolfguard.store.interface import StoreError


def stored_records(path: Path) -> Iterator[str]:
    """Texts in the order of their numbers, one at a time. Raises StoreError, at the first or a later one."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1)
        with contextlib.closing(connection):
            for (text,) in connection.execute("SELECT text FROM record ORDER BY number"):
                yield str(text)
    except sqlite3.Error as error:
        raise StoreError(f"cannot read the state file {path}: {error}; a gateway that runs keeps it locked") from None
