# SPDX-License-Identifier: GPL-3.0-or-later
"""The stored trail, read beside the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from wolfguard.store.interface import PutRecord, RecordRow, StoreError
from wolfguard.store.sqlite import SqliteStore
from wolfguard.store.sqlite_reader import stored_records


def test_in_the_order_of_numbers_also_what_only_the_log_has(tmp_path: Path) -> None:
    file = tmp_path / "odd ?name#.sqlite"
    store = SqliteStore(str(file))
    store.apply_at_start([PutRecord(RecordRow(number, f"text {number}")) for number in (2, 1, 3)])
    copy = tmp_path / "copy.sqlite"
    for ending in ("", "-wal"):
        Path(f"{copy}{ending}").write_bytes(Path(f"{file}{ending}").read_bytes())
    assert list(stored_records(copy)) == ["text 1", "text 2", "text 3"]
    with pytest.raises(StoreError, match="keeps it locked"):
        list(stored_records(file))
    store._connection.close()
    assert list(stored_records(file)) == ["text 1", "text 2", "text 3"]


def test_what_is_no_state_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database")
    for name in ("gone", "text"):
        with pytest.raises(StoreError, match="cannot read the state file"):
            list(stored_records(tmp_path / name))
    assert not (tmp_path / "gone").exists()
