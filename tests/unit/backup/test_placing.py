# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are put in their places together, or none of them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from wolfguard.backup.archive import BackupError
from wolfguard.backup.placing import Placed, check_accounts, place

OWNER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name


def placed(path: Path, content: bytes, mode: int = 0o600) -> Placed:
    return Placed(str(path), content, mode, OWNER, GROUP)


def seen(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_are_there_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"before")
    place([placed(tmp_path / "old", b"after", 0o640), placed(tmp_path / "deep" / "er" / "new", b"fresh")])
    assert seen(tmp_path) == {"old": b"after", "deep/er/new": b"fresh"}
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640


def test_one_that_cannot_be_placed_changes_none(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"before")
    # A folder in a file's place lets the write pass and stops the rename.
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(BackupError, match="nothing was changed"):
        place([placed(tmp_path / name, b"after") for name in ("old", "new", "folder")])
    assert seen(tmp_path) == {"old": b"before"}


def test_one_that_cannot_be_written_changes_none(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"before")
    (tmp_path / "file").write_bytes(b"no folder")
    with pytest.raises(BackupError, match="nothing was changed"):
        place([placed(tmp_path / "old", b"after"), placed(tmp_path / "file" / "below", b"after")])
    assert seen(tmp_path) == {"old": b"before", "file": b"no folder"}


def test_what_a_crash_has_left_is_no_obstacle(tmp_path: Path) -> None:
    for name in (".key.restored", ".key.before"):
        (tmp_path / name).write_bytes(b"left")
    place([placed(tmp_path / "key", b"good")])
    assert seen(tmp_path) == {"key": b"good"}


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"other")
    (tmp_path / "key").symlink_to("elsewhere")
    place([placed(tmp_path / "key", b"good")])
    assert not (tmp_path / "key").is_symlink()
    assert seen(tmp_path) == {"key": b"good", "elsewhere": b"other"}


def test_accounts_that_are_not_here() -> None:
    check_accounts([(OWNER, GROUP)])
    with pytest.raises(BackupError, match="nobody-of-that-name:root; install the package first"):
        check_accounts([(OWNER, GROUP), ("nobody-of-that-name", "root")])
