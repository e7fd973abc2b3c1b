# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, folders and the management socket: what must stand on the machine before any process starts.

Folders are made where they are missing and never taken over: a path that somebody else owns is an error to read.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import stat
from collections.abc import Iterable

from wolfguard.config.site import Configuration
from wolfguard.errors import StartError
from wolfguard.linux import labels, sockets

ROOT = "root"
MANAGEMENT_SOCKET = "control.sock"
# Anybody may connect: who may do what is decided by the kernel's word about the caller.
MANAGEMENT_MODE = 0o666


def check_accounts(users: Iterable[str]) -> None:
    """Raises StartError naming all that are missing."""
    missing = [user for user in users if user != ROOT and not _exists(user)]
    if missing:
        raise StartError(f"missing system accounts: {', '.join(missing)}; install the package again, or run bootstrap")


def _exists(user: str) -> bool:
    try:
        return pwd.getpwnam(user).pw_uid != 0
    except KeyError:
        return False


def make_folders(configuration: Configuration, keeper: str) -> None:
    """The run folder (root's, open to look into), and the state and record folders (`keeper`'s alone)."""
    _make(configuration.paths.run, 0o755, 0, 0)
    make_state(configuration, keeper)
    account = pwd.getpwnam(keeper)
    if configuration.records.target == "file":
        _make(os.path.dirname(configuration.records.path), 0o750, account.pw_uid, account.pw_gid)


def make_state(configuration: Configuration, keeper: str) -> None:
    """The state folder alone. Raises StartError."""
    account = pwd.getpwnam(keeper)
    _make(configuration.paths.state, 0o700, account.pw_uid, account.pw_gid)


def _make(path: str, mode: int, uid: int, gid: int) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        try:
            os.mkdir(path, 0o700)
            os.chown(path, uid, gid, follow_symlinks=False)
            os.chmod(path, mode)
        except FileExistsError:
            _check_folder(path, uid)
    except OSError as error:
        raise StartError(f"cannot make the folder {path}: {error.strerror}; change paths in the site file") from error


def _check_folder(path: str, uid: int) -> None:
    status = os.stat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise StartError(f"{path} is not a folder; move it away or change paths in the site file")
    if status.st_uid != uid:
        owner = pwd.getpwuid(uid).pw_name
        raise StartError(f"the folder {path} does not belong to {owner}; chown it or change paths in the site file")


def lock(folder: str, key: str) -> int:
    """Held for as long as the gateway lives: one gateway for the folder that `key` names. Raises StartError.

    The folder itself is locked, so that no lock file stays behind.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StartError(f"cannot open {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartError(f"another gateway uses {folder}; stop it, or give this one its own {key}") from error
    return descriptor


def open_management(run: str) -> int:
    """Descriptor of the listening management socket. Raises StartError."""
    path = management_path(run)
    try:
        with labels.sockets(labels.management()):
            return sockets.unix_listener(path, MANAGEMENT_MODE).detach()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"{path} is served by another program; stop it or change paths.run") from error
        raise StartError(f"cannot listen on {path}: {error.strerror}; change paths.run in the site file") from error


def management_path(run: str) -> str:
    return os.path.join(run, MANAGEMENT_SOCKET)
