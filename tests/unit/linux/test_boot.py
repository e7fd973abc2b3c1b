# SPDX-License-Identifier: GPL-3.0-or-later
"""Which boot this is."""

from __future__ import annotations

from pathlib import Path

from wolfguard.linux.boot import boot_id


def test_of_this_machine() -> None:
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_where_there_is_none(tmp_path: Path) -> None:
    assert boot_id(tmp_path / "none") == ""
    (tmp_path / "odd").write_text("something else\n")
    assert boot_id(tmp_path / "odd") == ""
