# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts files in their places, all or none of them, while nobody uses what they replace.

Each is written beside its target first, whole and on disk; then one rename each takes the old one's place, which stays
under another name until all are done, and comes back when one fails. A crash in between leaves a mixture of whole
files; doing it again mends that. Owns files alone; must not know what they mean.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass

from wolfguard.backup.archive import BackupError


@dataclass(frozen=True, slots=True)
class Placed:
    """One file to be. `mode` are its permissions; `owner` and `group` are names of accounts of this machine."""

    path: str
    content: bytes
    mode: int
    owner: str
    group: str


def place(files: Iterable[Placed]) -> None:
    """Raises BackupError; then every file is what it was."""
    wanted = list(files)
    done: list[str] = []
    try:
        for file in wanted:
            _write(file)
        for file in wanted:
            with contextlib.suppress(FileNotFoundError):
                os.link(file.path, _old(file.path), follow_symlinks=False)
            done.append(file.path)
            os.rename(_new(file.path), file.path)
        for folder in {os.path.dirname(file.path) for file in wanted}:
            _flush(folder)
    except OSError as error:
        for path in reversed(done):
            _back(path)
        raise BackupError(f"cannot write {error.filename}: {error.strerror}; nothing was changed") from error
    finally:
        for file in wanted:
            for left in (_new(file.path), _old(file.path)):
                with contextlib.suppress(OSError):
                    os.unlink(left)


def check_accounts(names: Iterable[tuple[str, str]]) -> None:
    """Owners and groups must be on this machine. Raises BackupError naming those that are not."""
    missing = set()
    for owner, group in names:
        try:
            pwd.getpwnam(owner)
            grp.getgrnam(group)
        except KeyError:
            missing.add(f"{owner}:{group}")
    if missing:
        raise BackupError(
            f"accounts of the backup are not here: {', '.join(sorted(missing))}; install the package first"
        )


def _write(file: Placed) -> None:
    os.makedirs(os.path.dirname(file.path), mode=0o755, exist_ok=True)
    for left in (_new(file.path), _old(file.path)):
        # Of a run that a crash has ended.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(left)
    descriptor = os.open(_new(file.path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(file.content)
        os.fchown(descriptor, pwd.getpwnam(file.owner).pw_uid, grp.getgrnam(file.group).gr_gid)
        os.fchmod(descriptor, file.mode)
        opened.flush()
        os.fsync(descriptor)


def _back(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.lexists(_old(path)):
            os.rename(_old(path), path)
        else:
            os.unlink(path)


def _flush(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.restored")


def _old(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.before")
